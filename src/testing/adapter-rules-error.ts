import { reject } from "../core/merge.ts";
import type { Head, Visitor } from "./adapter-client.ts";
import { headerOf, linesOf } from "./adapter-client.ts";
import type { AdapterRule, KitReply, KitServer } from "./adapter-rule.ts";
import {
  counter,
  countSessions,
  expectAnswer,
  expectCookie,
  expectNoCookie,
  knownVisitor,
  logout,
  newBarrier,
  pieces,
  read,
  storeDown,
  writing,
} from "./adapter-rule-support.ts";
import { equal, ok } from "./assert.ts";

const OWN: readonly (readonly [string, string])[] = [
  ["X-Handler", "yes"],
  ["Set-Cookie", "own=1"],
];
const replies: Readonly<Record<string, () => KitReply>> = {
  text: () => ({ headers: OWN, body: "the handler's words" }),
  redirect: () => ({ redirect: "/handler" }),
  stream: () => ({ headers: OWN, body: pieces("the handler's ", "words") }),
  empty: () => ({ status: 204, headers: OWN }),
};
const writers = Object.entries(replies).map(([name, reply]) => writing(`/${name}`, reply));
const failing = {
  path: "/throw",
  async answer(call: Parameters<typeof counter.answer>[0]): Promise<KitReply> {
    (await call.session().load()).count = 99;
    throw new Error("the handler failed");
  },
};

/** @throws when anything of the handler's response is there */
async function expectError(visitor: Visitor, path: string, status: number): Promise<void> {
  const answer = await visitor.get(path);
  equal(answer.status, status, `the status of ${path}`);
  expectNoTrace(answer, path);
  ok(!answer.body.includes("words"), `the body of ${path} is not the handler's`);
  if (status === 503) expectRetryAfter(answer, path);
}

function expectRetryAfter(head: Head, path: string): void {
  ok(/^\d+$/.test(headerOf(head, "retry-after") ?? ""), `${path} says when to try again`);
}

function expectNoTrace(head: Head, path: string): void {
  expectNoCookie(head, path);
  equal(
    [headerOf(head, "x-handler"), headerOf(head, "location")],
    [undefined, undefined],
    `the handler's headers of ${path}`,
  );
}

async function expectCount(server: KitServer, visitor: Visitor, count: number): Promise<void> {
  expectAnswer(await server.visitor(visitor.cookies).get("/read"), 200, JSON.stringify({ count }));
}

/** What could not be stored is not answered as if it had been. */
export const errorRules: readonly AdapterRule[] = [
  {
    name: "a handler that throws is answered with 500, and nothing that it changed is stored",
    async run({ start, store }) {
      const server = await start([counter, failing, read]);
      const newcomer = await server.visitor().get("/throw");
      equal(newcomer.status, 500, "the status");
      expectNoCookie(newcomer, "an error for a new visitor");
      equal(store.calls, [], "the store's calls");
      const visitor = await knownVisitor(server);
      equal((await visitor.get("/throw")).status, 500, "the status");
      await expectCount(server, visitor, 1);
    },
  },
  {
    name: "a 5xx that the handler answers by itself stores nothing, and sets no cookie",
    async run({ start, store }) {
      const server = await start([
        counter,
        read,
        writing("/500", () => ({ status: 500, body: "sorry" })),
        writing("/503", () => ({ status: 503, body: pieces("so", "rry") })),
      ]);
      for (const [path, status] of [
        ["/500", 500],
        ["/503", 503],
      ] as const) {
        const answer = await server.visitor().get(path);
        expectAnswer(answer, status, "sorry");
        expectNoCookie(answer, path);
      }
      equal(store.calls, [], "the store's calls");
      const visitor = await knownVisitor(server);
      expectAnswer(await visitor.get("/503"), 503, "sorry");
      await expectCount(server, visitor, 1);
    },
  },
  {
    name: "a 4xx is an answer like any other: what the handler changed is stored",
    async run({ start }) {
      const server = await start([writing("/400", () => ({ status: 400, body: "no" })), read]);
      const visitor = server.visitor();
      const answer = await visitor.get("/400");
      expectAnswer(answer, 400, "no");
      expectCookie(answer, server, "a 4xx");
      await expectCount(server, visitor, 1);
    },
  },
  {
    name: "a logout holds although the handler fails after it",
    async run({ start }) {
      const server = await start([
        counter,
        read,
        {
          path: "/logout-and-fail",
          async answer(call) {
            await call.session().logout();
            throw new Error("the handler failed");
          },
        },
        {
          path: "/logout-and-500",
          async answer(call) {
            await call.session().logout();
            return { status: 500, body: "sorry" };
          },
        },
      ]);
      for (const path of ["/logout-and-fail", "/logout-and-500"]) {
        const visitor = await knownVisitor(server);
        const { cookies } = visitor;
        equal((await visitor.get(path)).status, 500, "the status");
        expectAnswer(await server.visitor(cookies).get("/read"), 200, "{}");
      }
      equal(await countSessions(server), 0, "the number of sessions");
    },
  },
  ...writers.map(({ path }): AdapterRule => ({
    name: `a session that was ended while ${path} ran is answered with 400, with nothing of the handler's`,
    async run({ start }) {
      const barrier = newBarrier();
      const slow = {
        path,
        async answer(call: Parameters<typeof counter.answer>[0]): Promise<KitReply> {
          const visit = await call.session().load();
          await barrier.wait();
          visit.count = 99;
          return replies[path.slice(1)]?.() ?? "answered";
        },
      };
      const server = await start([counter, slow, logout, read]);
      const visitor = await knownVisitor(server);
      const { cookies } = visitor;
      const late = server.visitor(cookies);
      const answer = late.get(path);
      await barrier.reached;
      expectAnswer(await visitor.get("/logout"), 200, "bye");
      barrier.open();
      equal((await answer).status, 400, "the status");
      expectNoTrace(await answer, path);
      ok(!(await answer).body.includes("words"), "the body is not the handler's");
      expectAnswer(await server.visitor(cookies).get("/read"), 200, "{}");
      equal(await countSessions(server), 0, "the number of sessions");
    },
  })),
  {
    name: "a session that cannot be stored is answered with 503, with nothing of the handler's",
    async run({ start, store }) {
      const server = await start([...writers, counter, read]);
      const visitor = await knownVisitor(server);
      for (const verb of ["create", "save"] as const) store.break(verb, storeDown());
      for (const { path } of writers) {
        await expectError(server.visitor(), path, 503);
        await expectError(visitor, path, 503);
      }
      store.repair();
      await expectCount(server, visitor, 1);
      equal(await countSessions(server), 1, "the number of sessions");
      expectAnswer(await visitor.get("/count"), 200, "new count=2");
    },
  },
  {
    name: "a store of which nobody knows whether it stored is answered with 503, with nothing of the handler's",
    async run({ start, store }) {
      const server = await start(writers);
      store.break("create", new Error("the connection was lost"));
      for (const { path } of writers) await expectError(server.visitor(), path, 503);
    },
  },
  {
    name: "a write that a merge refuses is answered with 409",
    async run({ start }) {
      const barrier = newBarrier();
      const slow = {
        path: "/slow",
        async answer(call: Parameters<typeof counter.answer>[0]): Promise<KitReply> {
          const visit = await call.session().load();
          await barrier.wait();
          visit.name = "late";
          return { headers: OWN, body: "the handler's words" };
        },
      };
      const early = {
        path: "/early",
        async answer(call: Parameters<typeof counter.answer>[0]): Promise<KitReply> {
          (await call.session().load()).name = "early";
          return { body: "early" };
        },
      };
      const server = await start([counter, slow, early], { options: { merge: { name: reject } } });
      const visitor = await knownVisitor(server);
      const answer = visitor.get("/slow");
      await barrier.reached;
      expectAnswer(await visitor.get("/early"), 200, "early");
      barrier.open();
      equal((await answer).status, 409, "the status");
      expectNoTrace(await answer, "/slow");
    },
  },
  {
    name: 'with `load: "always"` a store that is down is answered with 503, and the handler does not run',
    async run({ start, store }) {
      let runs = 0;
      const server = await start([counter, { path: "/run", answer: () => ({ body: String(++runs) }) }], {
        options: { load: "always" },
      });
      const visitor = await knownVisitor(server);
      store.break("load", storeDown());
      const answer = await visitor.get("/run");
      equal([answer.status, runs, linesOf(answer, "set-cookie")], [503, 0, []], "status, runs of the handler and cookies");
      expectRetryAfter(answer, "/run");
      store.repair();
      expectAnswer(await visitor.get("/run"), 200, "1");
      expectAnswer(await visitor.get("/count"), 200, "new count=2");
    },
  },
  {
    name: "a store that is down when the handler loads fails the request, and leaves the cookie alone",
    async run({ start, store }) {
      const server = await start([counter, read]);
      const visitor = await knownVisitor(server);
      store.break("load", storeDown());
      const answer = await visitor.get("/read");
      ok(answer.status >= 500, "the request fails");
      expectNoCookie(answer, "a store that is down");
      store.repair();
      expectAnswer(await visitor.get("/read"), 200, '{"count":1}');
    },
  },
  {
    name: "a session error that a handler lets through is answered with its own status",
    needs: ["error status"],
    async run({ start, store }) {
      const server = await start([counter, read]);
      const visitor = await knownVisitor(server);
      store.break("load", storeDown());
      const answer = await visitor.get("/read");
      equal(answer.status, 503, "the status");
      expectRetryAfter(answer, "/read");
    },
  },
];
