import assert from "node:assert/strict";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import test from "node:test";
import Koa from "koa";
import { koaSession } from "../../src/adapters/koa.ts";
import type { NodeListener } from "../../src/adapters/node.ts";
import { isSessionError } from "../../src/core/errors.ts";
import { Sessions } from "../../src/core/sessions.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { headerOf, linesOf, Visitor } from "../../src/testing/adapter-client.ts";
import { storeDown } from "../../src/testing/adapter-rule-support.ts";
import { watchStore } from "../../src/testing/adapter-store.ts";
import { listen } from "./targets.ts";

interface Visit {
  count?: number;
}

async function serving(app: Koa, use: (visitor: Visitor) => Promise<void>): Promise<void> {
  app.silent = true;
  const listener: NodeListener = app.callback();
  const server = await listen(createServer(listener));
  try {
    await use(new Visitor(server.port));
  } finally {
    await server.close();
  }
}

function brokenSessions(): Sessions<Visit> {
  const store = watchStore(memoryStore());
  store.break("create", storeDown());
  return new Sessions<Visit>({ store: store.store, breakerFailures: 0 });
}

async function count(sessions: Sessions<Visit>, ctx: object): Promise<void> {
  const visit = await sessions.of(ctx).load();
  visit.count = (visit.count ?? 0) + 1;
}

test("a session that cannot be stored is thrown to the middleware above", async () => {
  const sessions = brokenSessions();
  const seen: unknown[] = [];
  const app = new Koa();
  app.use(async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      seen.push(error);
      ctx.status = 418;
      ctx.body = "caught";
    }
  });
  app.use(koaSession(sessions));
  app.use(async (ctx) => {
    await count(sessions, ctx);
    ctx.body = "the handler's words";
  });
  await serving(app, async (visitor) => {
    const answer = await visitor.get("/");
    assert.deepEqual([answer.status, answer.body, linesOf(answer, "set-cookie")], [418, "caught", []]);
    assert.equal(seen.length, 1);
    assert.ok(isSessionError(seen[0], "ERR_SESSION_STORE"));
  });
});

test("what the middleware above do after the session is stored stays", async () => {
  const sessions = new Sessions<Visit>({ store: memoryStore() });
  const app = new Koa();
  app.use(async (ctx, next) => {
    await next();
    ctx.set("x-above", "1");
    ctx.body = `(${String(ctx.body)})`;
  });
  app.use(koaSession(sessions));
  app.use(async (ctx) => {
    await count(sessions, ctx);
    ctx.body = "words";
  });
  await serving(app, async (visitor) => {
    const answer = await visitor.get("/");
    assert.deepEqual([answer.body, headerOf(answer, "x-above"), headerOf(answer, "vary")], ["(words)", "1", "Cookie"]);
    assert.equal(linesOf(answer, "set-cookie").length, 1);
  });
});

test("`ctx.throw` with a 4xx is an answer: the session is stored and its cookie sent; with a 5xx it is not", async () => {
  const sessions = new Sessions<Visit>({ store: memoryStore() });
  const app = new Koa();
  app.use(koaSession(sessions));
  app.use(async (ctx) => {
    await count(sessions, ctx);
    ctx.throw(ctx.path === "/404" ? 404 : 500, "thrown");
  });
  await serving(app, async (visitor) => {
    const missing = await visitor.get("/404");
    assert.deepEqual([missing.status, missing.body, linesOf(missing, "set-cookie").length], [404, "thrown", 1]);
    const id = visitor.cookies.split("=")[1] ?? "";
    assert.equal((await sessions.find(id))?.data.count, 1);
    const failed = await visitor.get("/500");
    assert.equal(failed.status, 500);
    assert.equal((await sessions.find(id))?.data.count, 1);
  });
});

test("a session that cannot be stored when Koa answers an error, and past Koa, is an error", async () => {
  const sessions = brokenSessions();
  const app = new Koa();
  app.use(koaSession(sessions));
  app.use(async (ctx) => {
    await count(sessions, ctx);
    if (ctx.path === "/404") ctx.throw(404, "the handler's words");
    ctx.respond = false;
    ctx.res.writeHead(200, { "x-handler": "1" });
    ctx.res.end("the handler's words");
  });
  await serving(app, async (visitor) => {
    for (const path of ["/404", "/past"]) {
      const answer = await visitor.get(path);
      assert.deepEqual([answer.status, answer.body], [503, "Service Unavailable"], path);
      assert.deepEqual([headerOf(answer, "x-handler"), linesOf(answer, "set-cookie")], [undefined, []]);
    }
  });
});

test("`sessions.of` takes the context, its request and Node's request; the property can be renamed", async () => {
  const sessions = new Sessions<Visit>({ store: memoryStore() });
  const app = new Koa();
  app.proxy = true;
  app.use(koaSession(sessions, { property: "visit" }));
  app.use((ctx) => {
    const all = [ctx, ctx.request, ctx.req].map((carrier) => sessions.of(carrier) === Reflect.get(ctx, "visit"));
    ctx.body = `${all.join()} ${ctx.secure}`;
  });
  await serving(app, async (visitor) => {
    const answer = await visitor.get("/", { headers: { "x-forwarded-proto": "https" } });
    assert.equal(answer.body, "true,true,true true");
  });
});

test("headers that are flushed past Koa wait for the store, and Koa's stream follows", async () => {
  const store = watchStore(memoryStore());
  const sessions = new Sessions<Visit>({ store: store.store });
  const app = new Koa();
  app.use(koaSession(sessions));
  app.use(async (ctx) => {
    if (ctx.path === "/other") return void (ctx.body = "other");
    await count(sessions, ctx);
    ctx.status = 200;
    ctx.type = "text/event-stream";
    ctx.flushHeaders();
    ctx.body = Readable.from(["data: 1\n\n", "data: 2\n\n"]);
  });
  await serving(app, async (visitor) => {
    const call = store.hold("create");
    const visit = visitor.visit("/events");
    await call.reached;
    for (let trip = 0; trip < 2; trip++) assert.equal((await visitor.get("/other")).body, "other");
    assert.equal(visit.arrived, false);
    call.resume();
    const answer = await visit.answer;
    assert.equal(answer.body, "data: 1\n\ndata: 2\n\n");
    assert.equal(linesOf(answer, "set-cookie").length, 1);
  });
});

test("mounted twice, the outermost commits", async () => {
  const store = watchStore(memoryStore());
  const sessions = new Sessions<Visit>({ store: store.store });
  const app = new Koa();
  app.use(koaSession(sessions));
  app.use(async (ctx, next) => {
    await next();
    sessions.of(ctx).data.count = 7;
  });
  app.use(koaSession(sessions));
  app.use(async (ctx) => {
    await count(sessions, ctx);
    ctx.body = "in";
  });
  await serving(app, async (visitor) => {
    await visitor.get("/");
    assert.equal((await sessions.find(visitor.cookies.split("=")[1] ?? ""))?.data.count, 7);
    assert.deepEqual(store.calls, ["create", "load"]);
  });
});
