import { isSessionError } from "../core/errors.ts";
import type { AdapterRule, KitCall, KitReply, KitRoute } from "./adapter-rule.ts";
import {
  counter,
  countSessions,
  expectAnswer,
  expectCookie,
  expectNoCookie,
  knownVisitor,
  newBarrier,
  read,
  settled,
  untouched,
} from "./adapter-rule-support.ts";
import { equal, ok } from "./assert.ts";

type Body = AsyncGenerator<string, void, undefined>;

async function codeOf(call: () => Promise<unknown>): Promise<string> {
  try {
    await call();
    return "done";
  } catch (error) {
    return isSessionError(error) ? error.code : String(error);
  }
}

/** Streams a first piece, waits until the rule has seen the headers, and streams what `work` comes to. */
function streaming(path: string, headSeen: Promise<void>, work: (call: KitCall) => Promise<string>): KitRoute {
  async function* body(call: KitCall): Body {
    yield "first ";
    await headSeen;
    yield await work(call);
  }
  return { path, answer: (call) => ({ body: body(call) }) };
}

/** A handler that goes on after its client went away. */
function abandoned(path: string, reached: () => void, done: () => void): KitRoute {
  return {
    path,
    async answer(call): Promise<KitReply> {
      const visit = await call.session().load();
      reached();
      await call.gone;
      visit.count = 77;
      done();
      return { body: "nobody reads this" };
    },
  };
}

/** After the headers have left, and after the client has. */
export const lateRules: readonly AdapterRule[] = [
  {
    name: "after the headers left, what needs a cookie throws ERR_SESSION_HEADERS_SENT before it touches the store",
    async run({ start, store }) {
      const seen = newBarrier();
      const work: readonly (readonly [string, (call: KitCall) => Promise<unknown>])[] = [
        ["/update", (call) => call.session().update((visit) => (visit.count = 1))],
        ["/save", (call) => call.session().save()],
      ];
      const routes = work.map(([path, act]) => streaming(path, seen.wait(), (call) => codeOf(() => act(call))));
      const server = await start(routes);
      for (const { path } of routes) {
        const visit = server.visitor().visit(path);
        expectNoCookie(await visit.head, path);
        seen.open();
        expectAnswer(await visit.answer, 200, "first ERR_SESSION_HEADERS_SENT");
      }
      equal(store.calls, [], "the store's calls");
    },
  },
  {
    name: "after the headers left, a new id is refused and the old one goes on",
    async run({ start }) {
      const seen = newBarrier();
      const cycle = streaming("/cycle", seen.wait(), (call) => {
        return codeOf(async () => {
          await call.session().cycleId();
          await call.session().save();
        });
      });
      const server = await start([counter, read, cycle]);
      const visitor = await knownVisitor(server);
      const visit = visitor.visit("/cycle");
      await visit.head;
      seen.open();
      expectAnswer(await visit.answer, 200, "first ERR_SESSION_HEADERS_SENT");
      expectAnswer(await visitor.get("/read"), 200, '{"count":1}');
    },
  },
  {
    name: "after the headers left, `update` still stores in a session that exists",
    async run({ start }) {
      const seen = newBarrier();
      const add = streaming("/add", seen.wait(), async (call) => {
        return `count=${await call.session().update((visit) => (visit.count = (visit.count ?? 0) + 1))}`;
      });
      const server = await start([counter, read, add]);
      const visitor = await knownVisitor(server);
      const visit = visitor.visit("/add");
      await visit.head;
      seen.open();
      expectAnswer(await visit.answer, 200, "first count=2");
      expectAnswer(await visitor.get("/read"), 200, '{"count":2}');
    },
  },
  {
    name: "what a stream changes on the loaded data of a session that exists is stored when the response has finished",
    needs: ["finish"],
    async run({ start, store }) {
      const seen = newBarrier();
      const add = streaming("/add", seen.wait(), async (call) => {
        (await call.session().load()).count = 5;
        return "last";
      });
      const server = await start([counter, read, add]);
      const visitor = await knownVisitor(server);
      const stored = store.answered("save");
      const visit = visitor.visit("/add");
      await visit.head;
      seen.open();
      expectAnswer(await visit.answer, 200, "first last");
      await stored;
      expectAnswer(await visitor.get("/read"), 200, '{"count":5}');
    },
  },
  {
    name: "a client that went away: what its handler changed in a session that exists is stored",
    async run({ start, store }) {
      const reached = newBarrier();
      const server = await start([
        counter,
        read,
        untouched,
        abandoned(
          "/slow",
          () => void reached.wait(),
          () => {},
        ),
      ]);
      const visitor = await knownVisitor(server);
      const stored = store.answered("save");
      const visit = visitor.visit("/slow");
      await reached.reached;
      visit.abort();
      await stored;
      expectAnswer(await visitor.get("/read"), 200, '{"count":77}');
    },
  },
  {
    name: "a client that went away: no session is created that nobody would ever hold",
    async run({ start, store }) {
      const reached = newBarrier();
      const done = newBarrier();
      const slow = abandoned(
        "/slow",
        () => void reached.wait(),
        () => void done.wait(),
      );
      const server = await start([read, untouched, slow]);
      const visit = server.visitor().visit("/slow");
      await reached.reached;
      visit.abort();
      await done.reached;
      await settled(server);
      ok(!store.calls.includes("create"), "a session was created");
      equal(await countSessions(server), 0, "the number of sessions");
    },
  },
  {
    name: "a client that went away while its session was being stored: the server goes on",
    async run({ start, store }) {
      const server = await start([counter, untouched, read]);
      const visitor = await knownVisitor(server);
      const call = store.hold("save");
      const stored = store.answered("save");
      const visit = visitor.visit("/count");
      await call.reached;
      visit.abort();
      await settled(server);
      call.resume();
      await stored;
      expectAnswer(await visitor.get("/read"), 200, '{"count":2}');
      expectCookie(await server.visitor().get("/count"), server, "another visitor");
    },
  },
];
