import assert from "node:assert/strict";
import { createServer } from "node:http";
import test from "node:test";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { honoSession, type SessionEnv } from "../../src/adapters/hono.ts";
import { isSessionError } from "../../src/core/errors.ts";
import { Sessions } from "../../src/core/sessions.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { storeDown } from "../../src/testing/adapter-rule-support.ts";
import { watchStore } from "../../src/testing/adapter-store.ts";
import { listen } from "./targets.ts";

interface Visit {
  count?: number;
}

function newApp(sessions: Sessions<Visit>): Hono<SessionEnv<Visit>> {
  const app = new Hono<SessionEnv<Visit>>();
  app.use(honoSession(sessions));
  return app;
}

function brokenSessions(): Sessions<Visit> {
  const store = watchStore(memoryStore());
  store.break("create", storeDown());
  return new Sessions<Visit>({ store: store.store, breakerFailures: 0 });
}

const cookieOf = (response: Response): string => response.headers.getSetCookie()[0]?.split(";")[0] ?? "";

test("`app.request` works without a socket", async () => {
  const app = newApp(new Sessions<Visit>({ store: memoryStore() }));
  app.get("/", async (c) =>
    c.text(String(await c.get("session").update((visit) => (visit.count = (visit.count ?? 0) + 1)))),
  );
  const first = await app.request("/");
  assert.equal(await first.text(), "1");
  const second = await app.request("/", { headers: { cookie: cookieOf(first) } });
  assert.equal(await second.text(), "2");
});

test("`sessions.of` takes the context, its request and the Web request; the variable can be renamed", async () => {
  const sessions = new Sessions<Visit>({ store: memoryStore() });
  const app = new Hono<SessionEnv<Visit, "visit">>();
  app.use(honoSession(sessions, { property: "visit" }));
  app.get("/", (c) => c.json([c, c.req, c.req.raw].map((carrier) => sessions.of(carrier) === c.get("visit"))));
  assert.deepEqual(await (await app.request("/")).json(), [true, true, true]);
});

test("without an error handler, a session that cannot be stored is answered with its status and nothing of the handler's", async () => {
  const sessions = brokenSessions();
  const app = newApp(sessions);
  app.get("/redirect", async (c) => {
    (await c.get("session").load()).count = 1;
    c.header("x-handler", "1");
    return c.redirect("/there");
  });
  app.get("/web", async (c) => {
    (await c.get("session").load()).count = 1;
    return new Response("the handler's words", { headers: { "x-handler": "1", "set-cookie": "own=1" } });
  });
  for (const path of ["/redirect", "/web"]) {
    const answer = await app.request(path);
    assert.equal(answer.status, 503);
    assert.equal(await answer.text(), "ERR_SESSION_STORE: The session store failed\n");
    assert.deepEqual(
      ["x-handler", "location", "set-cookie"].map((name) => answer.headers.get(name)),
      [null, null, null],
    );
    assert.equal(answer.headers.get("retry-after"), "1");
  }
});

test("the application's error handler gets the session's error and makes the answer", async () => {
  const app = newApp(brokenSessions());
  const seen: unknown[] = [];
  app.onError((error, c) => {
    seen.push(error);
    return c.text("sorry", 418);
  });
  app.get("/", async (c) => {
    (await c.get("session").load()).count = 1;
    c.header("x-handler", "1");
    return c.text("the handler's words");
  });
  const answer = await app.request("/");
  assert.deepEqual([answer.status, await answer.text(), answer.headers.get("x-handler")], [418, "sorry", null]);
  assert.ok(isSessionError(seen[0], "ERR_SESSION_STORE"));
});

test("a session that cannot be loaded is answered with its status", async () => {
  const store = watchStore(memoryStore());
  const sessions = new Sessions<Visit>({ store: store.store, load: "always" });
  const { cookie } = await sessions.create({ data: { count: 1 } });
  store.break("load", storeDown());
  const app = newApp(sessions);
  app.get("/", (c) => c.text("a handler ran"));
  assert.equal((await app.request("/", { headers: { cookie } })).status, 503);
});

test("a 4xx that is thrown is an answer: the session is stored and its cookie sent; a 5xx is not", async () => {
  const sessions = new Sessions<Visit>({ store: memoryStore() });
  const app = newApp(sessions);
  app.get("/:status", async (c) => {
    (await c.get("session").load()).count = 1;
    throw new HTTPException(c.req.param("status") === "404" ? 404 : 500, { message: "thrown" });
  });
  const missing = await app.request("/404");
  assert.deepEqual([missing.status, missing.headers.getSetCookie().length], [404, 1]);
  const failed = await app.request("/500");
  assert.deepEqual([failed.status, failed.headers.getSetCookie().length], [500, 0]);
});

test("a response whose headers cannot be changed is copied, and headers of the middleware above stay", async () => {
  const sessions = new Sessions<Visit>({ store: memoryStore() });
  const app = new Hono<SessionEnv<Visit>>();
  app.use(async (c, next) => {
    await next();
    c.header("x-above", "1");
  });
  app.use(honoSession(sessions));
  app.get("/", async (c) => {
    (await c.get("session").load()).count = 1;
    return Response.redirect("http://127.0.0.1/there");
  });
  const answer = await app.request("/");
  assert.deepEqual([answer.status, answer.headers.get("location")], [302, "http://127.0.0.1/there"]);
  assert.deepEqual([answer.headers.get("vary"), answer.headers.getSetCookie().length], ["Cookie", 1]);
  assert.equal(answer.headers.get("x-above"), "1");
});

test("what `fetch()` gave can be passed on: its own cookies and Vary stay", async () => {
  const other = await listen(
    createServer((_req, res) => res.writeHead(200, { "Set-Cookie": ["one=1", "two=2"], Vary: "Accept" }).end("passed on")),
  );
  const app = newApp(new Sessions<Visit>({ store: memoryStore() }));
  app.get("/", async (c) => {
    (await c.get("session").load()).count = 1;
    return fetch(`http://127.0.0.1:${other.port}/`);
  });
  const answer = await app.request("/");
  assert.equal(await answer.text(), "passed on");
  assert.equal(answer.headers.get("vary"), "Accept, Cookie");
  assert.equal(answer.headers.getSetCookie().length, 3);
  await other.close();
});

test("mounted on the app and on a part of it, the outermost commits", async () => {
  const store = watchStore(memoryStore());
  const sessions = new Sessions<Visit>({ store: store.store });
  const app = newApp(sessions);
  app.use(async (c, next) => {
    await next();
    c.get("session").data.count = 7;
  });
  app.use("/in/*", honoSession(sessions));
  app.get("/in/side", async (c) => {
    (await c.get("session").load()).count = 1;
    return c.text("in");
  });
  const id = cookieOf(await app.request("/in/side")).split("=")[1] ?? "";
  assert.equal((await sessions.find(id))?.data.count, 7);
  assert.deepEqual(store.calls, ["create", "load"]);
});
