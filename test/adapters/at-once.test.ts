// What must be the same whether a store answers at once or later.
import assert from "node:assert/strict";
import express, { type NextFunction, type Request, type Response } from "express";
import fastify from "fastify";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { connect, createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, test, type TestContext } from "node:test";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { expressSession } from "../../src/adapters/express.ts";
import { fastifySession } from "../../src/adapters/fastify.ts";
import { type NodeListener, nodeSession } from "../../src/adapters/node.ts";
import { isSessionError } from "../../src/core/errors.ts";
import { Sessions } from "../../src/core/sessions.ts";
import type { SessionStore } from "../../src/core/store.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { later } from "../core/later.ts";

interface Visit {
  n?: number;
  text?: string;
}

const STORES: Readonly<Record<string, () => SessionStore>> = {
  "a store that answers at once": memoryStore,
  "a store that answers later": () => later(memoryStore()),
};

const sessionsOn = (store: SessionStore, name = "sid") => new Sessions<Visit>({ store, cookie: { secure: false, name } });

async function listening(t: TestContext, server: Server | ReturnType<typeof createHttp2Server>): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => void server.close());
  if ("closeAllConnections" in server) t.after(() => server.closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function visit(t: TestContext, listener: NodeListener, cookie?: string): Promise<globalThis.Response> {
  const url = await listening(t, createServer(listener));
  const answer = await fetch(url, cookie === undefined ? {} : { headers: { cookie } });
  return answer;
}

/** What was stored late is stored by then. */
async function stored(sessions: Sessions<Visit>, id: string | null, n: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if ((await sessions.find(id ?? ""))?.data.n === n) return;
    await pause(5);
  }
  assert.fail(`${n} was not stored`);
}

for (const [name, store] of Object.entries(STORES)) {
  describe(`over ${name}`, () => {
    test("nothing of the session is there before `load` was awaited, and an update has not begun when it was only called", async (t) => {
      const sessions = sessionsOn(store());
      const { cookie } = await sessions.create({ data: { n: 1 } });
      const listener = nodeSession(sessions).wrap((req, res) => {
        const session = sessions.of(req);
        let updated = false;
        void session.load();
        void session.update(() => (updated = true));
        let code = "none";
        try {
          String(session.data.n);
        } catch (error) {
          code = isSessionError(error) ? error.code : String(error);
        }
        res.end(`${code} ${updated}`);
      });
      for (const sent of [cookie, undefined]) {
        assert.equal(await (await visit(t, listener, sent)).text(), "ERR_SESSION_NOT_LOADED false");
      }
    });

    test("a message that was added without waiting is there on the next page", async (t) => {
      const sessions = sessionsOn(store());
      const listener = nodeSession(sessions).wrap((req, res) => {
        void sessions.of(req).flash.add("saved");
        res.end("ok");
      });
      assert.equal((await visit(t, listener)).headers.getSetCookie().length, 1);
    });

    test("who answers first and then asks for the session can still change it", async (t) => {
      const sessions = sessionsOn(store());
      const { id, cookie } = await sessions.create({ data: { n: 1 } });
      const listener = nodeSession(sessions).wrap(async (req, res) => {
        res.end("ok");
        (await sessions.of(req).load()).n = 8;
      });
      await (await visit(t, listener, cookie)).text();
      await stored(sessions, id, 8);
    });

    test("over HTTP/2, what a streaming handler changes in a large session is stored", async (t) => {
      const sessions = sessionsOn(store());
      const { id, cookie } = await sessions.create({ data: { text: "x".repeat(20_000) } });
      const parts = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const listener = nodeSession(sessions).wrap(async (req: object, res: Parameters<NodeListener>[1]) => {
        const data = await sessions.of(req).load();
        res.writeHead(200);
        await parts[0]?.promise;
        res.write("one ");
        await parts[1]?.promise;
        data.n = 1;
        res.end("two");
      });
      const url = await listening(t, createHttp2Server(listener as never));
      const client = connect(url);
      t.after(() => client.close());
      const stream = client.request({ ":path": "/", cookie });
      await once(stream, "response");
      parts[0]?.resolve();
      await once(stream, "readable");
      parts[1]?.resolve();
      assert.equal(await text(stream), "one two");
      await stored(sessions, id, 1);
    });

    test("a head that cannot be sent is answered by the application's error handler", async (t) => {
      const sessions = sessionsOn(store());
      const { cookie } = await sessions.create({ data: { n: 1 } });
      const app = express().use(expressSession(sessions));
      app.get("/", async (req, res) => {
        (await sessions.of(req).load()).n = 2;
        res.writeHead(200, "bad\u2603");
        res.end("x");
      });
      app.use((_error: unknown, _req: Request, res: Response, _next: NextFunction) => {
        res.status(500).send(`error page, head sent: ${res.headersSent}`);
      });
      const answer = await visit(t, app as NodeListener, cookie);
      assert.deepEqual([answer.status, await answer.text()], [500, "error page, head sent: false"]);
    });

    test("two sessions on one Fastify: when one cannot be stored, Fastify's error handler answers", async (t) => {
      const whole = store();
      const broken = Object.create(whole, { save: { value: () => assert.fail("disk full") } }) as SessionStore;
      const [first, second] = [sessionsOn(broken, "a"), sessionsOn(store(), "b")];
      const { cookie } = await first.create({ data: { n: 1 } });
      const app = fastify();
      await app.register(fastifySession(first, { property: "first" }));
      await app.register(fastifySession(second, { property: "second" }));
      app.setErrorHandler((_error, _request, reply) => reply.code(503).send("own error page"));
      app.get("/", async (request) => {
        (await first.of(request).load()).n = 2;
        (await second.of(request).load()).n = 2;
        return "fine";
      });
      t.after(() => app.close());
      const { statusCode, body } = await app.inject({ url: "/", headers: { cookie } });
      assert.deepEqual([statusCode, body], [503, "own error page"]);
    });
  });
}

test("a login while one call tries whether the store is back fails with the store's error, and with nothing else", async () => {
  const clock = fakeClock();
  let down = false;
  const inner = later(memoryStore());
  const store = later({
    ...inner,
    load: (...args) => (down ? Promise.reject(new Error("refused")) : inner.load(...args)),
    users: {
      ...inner.users,
      epoch: () => (down ? Promise.reject(new Error("refused")) : 0),
    } as NonNullable<SessionStore["users"]>,
  });
  const sessions = new Sessions<Visit>({ store, clock, cookie: { secure: false } });
  const { id } = await sessions.create({ data: { n: 1 } });
  const loading = (): Promise<unknown> => sessions.find(id ?? "");
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", note);
  try {
    down = true;
    for (let failures = 0; failures < 5; failures++) await assert.rejects(loading(), { code: "ERR_SESSION_STORE" });
    clock.advance(2100);
    await assert.rejects(sessions.ofUser("ada"), { code: "ERR_SESSION_STORE" });
    await pause(20);
    assert.deepEqual(unhandled, []);
  } finally {
    process.off("unhandledRejection", note);
  }
});
