import { sum } from "../core/merge.ts";
import type { Visitor } from "./adapter-client.ts";
import type { AdapterRule, AdapterRuleContext, KitRoute, KitServer } from "./adapter-rule.ts";
import type { WatchedVerb } from "./adapter-store.ts";
import {
  counter,
  countSessions,
  expectAnswer,
  knownVisitor,
  logout,
  newBarrier,
  read,
  untouched,
  writing,
} from "./adapter-rule-support.ts";
import { equal, ok } from "./assert.ts";

const INCREMENTS = 200;
const WRITERS = 100;
const RACES = 30;

const update: KitRoute = {
  path: "/update",
  async answer(call) {
    return { body: `new count=${await call.session().update((visit) => (visit.count = (visit.count ?? 0) + 1))}` };
  },
};

const write = writing("/write", () => ({ body: "written" }));

const cycle: KitRoute = {
  path: "/cycle",
  async answer(call) {
    await call.session().cycleId();
    return { body: "cycled" };
  },
};

async function statuses(server: KitServer, cookies: string, path: (at: number) => string, count: number): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: count }, (_, at) => server.visitor(cookies).get(path(at))));
  return [...new Set(answers.map(({ status }) => status))];
}

/** Holds the verb by which `path` is stored, ends the session meanwhile, and lets the verb go on. */
async function raceLogout({ store }: AdapterRuleContext, server: KitServer, path: string, verb: WatchedVerb): Promise<void> {
  const visitor = await knownVisitor(server);
  const { cookies } = visitor;
  const call = store.hold(verb);
  const late = server.visitor(cookies);
  const answer = late.get(path);
  await call.reached;
  expectAnswer(await visitor.get("/logout"), 200, "bye");
  call.resume();
  // An error that the handler met may have become a 500, where the framework does not look at an error's status.
  ok((await answer).status >= 400, "the late write is answered with an error");
  await expectNothing(server, cookies, late);
}

async function expectNothing(server: KitServer, cookies: string, late: Visitor): Promise<void> {
  for (const visitor of [server.visitor(cookies), late]) expectAnswer(await visitor.get("/read"), 200, "{}");
}

function logoutRace(name: string, path: string, verb: WatchedVerb | "new id"): AdapterRule {
  return {
    name: `${name} that is overtaken by a logout brings nothing back, ${RACES} times over`,
    async run(context) {
      const server = await context.start([counter, update, write, cycle, logout, read]);
      const held = verb === "new id" ? (context.store.store.rotate ? "rotate" : "create") : verb;
      for (let race = 0; race < RACES; race++) await raceLogout(context, server, path, held);
      equal(await countSessions(server), 0, "the number of sessions");
    },
  };
}

/** Many requests at once. */
export const raceRules: readonly AdapterRule[] = [
  {
    name: `${INCREMENTS} increments at once with \`update\` are exactly ${INCREMENTS}`,
    async run({ start }) {
      const server = await start([update, counter, read]);
      const { cookies } = await knownVisitor(server);
      equal(await statuses(server, cookies, () => "/update", INCREMENTS), [200], "the statuses");
      expectAnswer(await server.visitor(cookies).get("/read"), 200, `{"count":${INCREMENTS + 1}}`);
    },
  },
  {
    name: `${INCREMENTS} increments at once with \`merge: { count: sum }\` are exactly ${INCREMENTS}`,
    async run({ start }) {
      const server = await start([counter, read], { options: { merge: { count: sum } } });
      const { cookies } = await knownVisitor(server);
      equal(await statuses(server, cookies, () => "/count", INCREMENTS), [200], "the statuses");
      expectAnswer(await server.visitor(cookies).get("/read"), 200, `{"count":${INCREMENTS + 1}}`);
    },
  },
  {
    name: `${WRITERS} writers of different keys at once all survive`,
    async run({ start }) {
      const all = newBarrier();
      let inside = 0;
      const routes = Array.from({ length: WRITERS }, (_, at): KitRoute => {
        return {
          path: `/mark-${at}`,
          async answer(call) {
            const visit = await call.session().load();
            // Everybody has read before anybody writes.
            if (++inside === WRITERS) all.open();
            await all.wait();
            visit[`mark ${at}`] = at;
            return { body: "marked" };
          },
        };
      });
      const server = await start([...routes, counter, read]);
      const { cookies } = await knownVisitor(server);
      equal(await statuses(server, cookies, (at) => `/mark-${at}`, WRITERS), [200], "the statuses");
      const { body } = await server.visitor(cookies).get("/read");
      const expected = Object.fromEntries(Array.from({ length: WRITERS }, (_, at) => [`mark ${at}`, at]));
      equal(JSON.parse(body), { count: 1, ...expected }, "the data");
    },
  },
  logoutRace("a write of loaded data", "/write", "save"),
  logoutRace("an `update`", "/update", "save"),
  logoutRace("a new id", "/cycle", "new id"),
  logoutRace("a read", "/count", "load"),
  {
    name: `a handler that is overtaken by a logout brings nothing back, ${RACES} times over`,
    async run({ start }) {
      let barrier = newBarrier();
      const slow: KitRoute = {
        path: "/slow",
        async answer(call) {
          const visit = await call.session().load();
          await barrier.wait();
          visit.count = 99;
          return { body: "written" };
        },
      };
      const server = await start([counter, slow, logout, read, untouched]);
      for (let race = 0; race < RACES; race++) {
        barrier = newBarrier();
        const visitor = await knownVisitor(server);
        const { cookies } = visitor;
        const late = server.visitor(cookies);
        const answer = late.get("/slow");
        await barrier.reached;
        await visitor.get("/logout");
        barrier.open();
        equal((await answer).status, 400, "the status of the late write");
        await expectNothing(server, cookies, late);
      }
      equal(await countSessions(server), 0, "the number of sessions");
    },
  },
];
