import type { Visitor } from "./adapter-client.ts";
import { headerOf } from "./adapter-client.ts";
import type { AdapterRule, KitServer } from "./adapter-rule.ts";
import {
  counter,
  countSessions,
  expectAnswer,
  expectNoCookie,
  knownVisitor,
  logout,
  pieces,
  read,
  storeDown,
  untouched,
  writing,
} from "./adapter-rule-support.ts";
import { equal, ok } from "./assert.ts";

const WRITES = ["create", "save", "touch", "retire", "rotate"] as const;
const changes = [
  writing("/text", () => ({ body: "words" })),
  writing("/redirect", () => ({ redirect: "/read" })),
  writing("/stream", () => ({ body: pieces("wor", "ds") })),
];
const routes = [counter, read, logout, untouched, ...changes];

/** @throws unless the answer is a 503 that says when to try again, with nothing about the cookie and nothing of the handler's */
async function expectRefusal(visitor: Visitor, path: string, what: string): Promise<void> {
  const answer = await visitor.get(path);
  equal(answer.status, 503, `${what}: the status`);
  expectNoCookie(answer, what);
  ok(/^[1-9]\d*$/.test(headerOf(answer, "retry-after") ?? ""), `${what}: it says when to try again`);
  ok(!answer.body.includes("words"), `${what}: the body is not the handler's`);
}

/** @throws unless the visitor is served as before, with the same cookie */
async function expectStill(server: KitServer, visitor: Visitor, cookies: string, count: number): Promise<void> {
  equal(visitor.cookies, cookies, "the visitor's cookies after the outage");
  expectAnswer(await visitor.get("/read"), 200, JSON.stringify({ count }));
  equal(await countSessions(server), 1, "the number of sessions");
}

/** What a visitor meets while the store is down, as `onStoreError` has it: no outage logs anybody out. */
export const outageRules: readonly AdapterRule[] = [
  {
    name: "while the store takes no writes, `read-only` serves what changes nothing, and answers a change with 503",
    async run({ start, store }) {
      const server = await start(routes, { options: { onStoreError: "read-only", refreshSeconds: 0 } });
      const visitor = await knownVisitor(server);
      const { cookies } = visitor;
      for (const verb of WRITES) store.break(verb, storeDown());
      const answer = await visitor.get("/read");
      expectAnswer(answer, 200, '{"count":1}');
      expectNoCookie(answer, "a session that was read");
      ok(store.calls.includes("touch"), "the deadline was due");
      expectAnswer(await visitor.get("/untouched"), 200, "untouched");
      for (const { path } of changes) {
        await expectRefusal(visitor, path, `${path} of a known visitor`);
        await expectRefusal(server.visitor(), path, `${path} of a new visitor`);
      }
      equal((await visitor.get("/logout")).status >= 500, true, "a logout that did not happen is an error");
      store.repair();
      await expectStill(server, visitor, cookies, 1);
    },
  },
  {
    name: "while the store cannot be read, `anonymous` serves without a session, and answers a change with 503",
    async run({ start, store }) {
      const server = await start(routes, { options: { onStoreError: "anonymous" } });
      const visitor = await knownVisitor(server);
      const { cookies } = visitor;
      for (const verb of ["load", ...WRITES] as const) store.break(verb, storeDown());
      const answer = await visitor.get("/read");
      expectAnswer(answer, 200, "{}");
      expectNoCookie(answer, "a session that could not be read");
      for (const { path } of changes) await expectRefusal(visitor, path, path);
      // What could be stored by now must not take the place of what could not be read.
      store.repair();
      store.break("load", storeDown());
      for (const { path } of changes) await expectRefusal(visitor, path, `${path}, where only reading fails`);
      store.repair();
      await expectStill(server, visitor, cookies, 1);
    },
  },
];
