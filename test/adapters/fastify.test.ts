import assert from "node:assert/strict";
import test from "node:test";
import fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import { fastifySession } from "../../src/adapters/fastify.ts";
import { isSessionError } from "../../src/core/errors.ts";
import { Sessions } from "../../src/core/sessions.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { headerOf, linesOf, Visitor } from "../../src/testing/adapter-client.ts";
import { storeDown } from "../../src/testing/adapter-rule-support.ts";
import { watchStore } from "../../src/testing/adapter-store.ts";

interface Visit {
  count?: number;
}

async function serving(app: FastifyInstance, use: (visitor: Visitor) => Promise<void>): Promise<void> {
  const address = await app.listen({ port: 0, host: "127.0.0.1" });
  try {
    await use(new Visitor(Number(new URL(address).port)));
  } finally {
    await app.close();
  }
}

const newApp = (): FastifyInstance => fastify({ forceCloseConnections: true });
const newSessions = () => new Sessions<Visit>({ store: memoryStore() });

async function count(sessions: Sessions<Visit>, request: FastifyRequest): Promise<number> {
  return sessions.of(request).update((visit) => (visit.count = (visit.count ?? 0) + 1));
}

test("the plugin holds for its instance and all below it, and not for what stands beside", async () => {
  const sessions = newSessions();
  const app = newApp();
  app.get("/before", async (request) => count(sessions, request));
  app.register(async (inside) => {
    inside.register(fastifySession(sessions));
    inside.get("/inside", async (request) => count(sessions, request));
    inside.register(async (below) => void below.get("/below", async (request) => count(sessions, request)));
  });
  await serving(app, async (visitor) => {
    assert.equal((await visitor.get("/inside")).body, "1");
    assert.equal((await visitor.get("/below")).body, "2");
    const outside = await visitor.get("/before");
    assert.equal(outside.status, 500);
    assert.match(outside.body, /ERR_SESSION_NOT_ATTACHED/);
  });
});

test("registered on the app and on a part of it, it is one session", async () => {
  const sessions = newSessions();
  const app = newApp();
  app.register(fastifySession(sessions));
  app.register(async (inside) => {
    inside.register(fastifySession(sessions, { property: "visit" }));
    inside.get("/inside", async (request) => {
      await count(sessions, request);
      return [Reflect.get(request, "session"), Reflect.get(request, "visit")].map((one) => one === sessions.of(request));
    });
  });
  await serving(app, async (visitor) => {
    const answer = await visitor.get("/inside");
    assert.equal(answer.body, "[true,true]");
    assert.equal(linesOf(answer, "set-cookie").length, 1);
  });
});

test("`inject` works without a socket", async () => {
  const sessions = newSessions();
  const app = newApp();
  app.register(fastifySession(sessions));
  app.get("/", async (request) => ({ count: await count(sessions, request) }));
  const first = await app.inject("/");
  assert.equal(first.body, '{"count":1}');
  const cookie = String(first.headers["set-cookie"]).split(";")[0];
  const second = await app.inject({ url: "/", headers: { cookie } });
  assert.equal(second.body, '{"count":2}');
  await app.close();
});

test("a Web response as the payload keeps its own headers and gets the session's", async () => {
  const sessions = newSessions();
  const app = newApp();
  app.register(fastifySession(sessions));
  app.get("/own", async (request) => {
    await count(sessions, request);
    const headers = new Headers([
      ["vary", "Accept"],
      ["cache-control", "no-cache"],
      ["set-cookie", "own=1"],
    ]);
    return new Response("own", { status: 201, headers });
  });
  app.get("/redirect", async (request) => {
    await count(sessions, request);
    return Response.redirect("http://127.0.0.1/there");
  });
  app.get("/broken", async (request) => {
    (await sessions.of(request).load()).count = 5;
    return new Response("sorry", { status: 500 });
  });
  await serving(app, async (visitor) => {
    const own = await visitor.get("/own");
    assert.deepEqual([own.status, own.body], [201, "own"]);
    assert.deepEqual([headerOf(own, "vary"), headerOf(own, "cache-control")], ["Accept, Cookie", "no-cache"]);
    assert.equal(linesOf(own, "set-cookie").length, 2);
    const redirect = await visitor.get("/redirect");
    assert.deepEqual([redirect.status, headerOf(redirect, "location")], [302, "http://127.0.0.1/there"]);
    assert.equal(headerOf(redirect, "vary"), "Cookie");
    assert.equal((await visitor.get("/broken")).status, 500);
    assert.equal((await sessions.find(visitor.cookies.split("sid=")[1] ?? ""))?.data.count, 2);
  });
});

test("a session that cannot be stored goes to the error handler, once, with the headers that were set before it", async () => {
  const store = watchStore(memoryStore());
  store.break("create", storeDown());
  const sessions = new Sessions<Visit>({ store: store.store, breakerFailures: 0 });
  const seen: unknown[] = [];
  const app = newApp();
  app.addHook("onRequest", async (_request, reply) => void reply.header("x-before", "1"));
  app.register(fastifySession(sessions));
  app.setErrorHandler((error, _request, reply) => {
    seen.push(error);
    return reply.code(418).send({ sorry: true });
  });
  app.get("/", async (request, reply) => {
    (await sessions.of(request).load()).count = 1;
    reply.header("x-before", "changed").header("x-handler", "1").header("set-cookie", "own=1").type("text/html");
    return "the handler's words";
  });
  app.get("/hijack", async (request, reply) => {
    (await sessions.of(request).load()).count = 1;
    reply.hijack();
    reply.raw.writeHead(200, { "x-handler": "1" }).end("the handler's words");
  });
  await serving(app, async (visitor) => {
    const answer = await visitor.get("/");
    assert.deepEqual([answer.status, answer.body], [418, '{"sorry":true}']);
    assert.deepEqual([headerOf(answer, "x-before"), headerOf(answer, "x-handler")], ["1", undefined]);
    assert.deepEqual(linesOf(answer, "set-cookie"), []);
    assert.equal(seen.length, 1);
    assert.ok(isSessionError(seen[0], "ERR_SESSION_STORE"));
    const hijacked = await visitor.get("/hijack");
    assert.deepEqual([hijacked.status, headerOf(hijacked, "x-handler")], [503, undefined]);
  });
});

test("what answers before the plugin, and what nobody answers, passes", async () => {
  const sessions = newSessions();
  const app = newApp();
  app.addHook("onRequest", async (request, reply) => (request.url === "/early" ? reply.send("early") : undefined));
  app.register(fastifySession(sessions));
  await serving(app, async (visitor) => {
    assert.equal((await visitor.get("/early")).body, "early");
    const missing = await visitor.get("/missing");
    assert.deepEqual([missing.status, linesOf(missing, "set-cookie")], [404, []]);
  });
});
