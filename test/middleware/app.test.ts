import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { test } from "node:test";
import { createSessions, memoryStore } from "../../src/index.ts";
import { createApp, type Middleware, sessionMiddleware } from "../../src/middleware/index.ts";

const BASE = "https://example.com";
const ask = (path = "/", cookie?: string) => new Request(BASE + path, cookie === undefined ? {} : { headers: { cookie } });
const text = (body: string, status = 200) => new Response(body, { status });

function tracing(log: string[], name: string, hooks: Middleware = {}): Middleware {
  return {
    processRequest: (request) => (log.push(`${name} in`), hooks.processRequest?.(request)),
    processView: (request, view) => (log.push(`${name} view`), hooks.processView?.(request, view)),
    processException: (request, error) => (log.push(`${name} exception`), hooks.processException?.(request, error)),
    processResponse: (request, response) => (
      log.push(`${name} out ${response.status}`),
      hooks.processResponse?.(request, response)
    ),
  };
}

test("requests go down the list, responses come back up", async () => {
  const log: string[] = [];
  const app = createApp({
    middleware: [tracing(log, "a"), tracing(log, "b")],
    view: () => (log.push("view"), text("ok")),
  });
  await app(ask());
  assert.deepEqual(log, ["a in", "b in", "a view", "b view", "view", "b out 200", "a out 200"]);
});

test("a processRequest that returns a response short-circuits; only the middleware already entered see it", async () => {
  const log: string[] = [];
  const app = createApp({
    middleware: [tracing(log, "a"), tracing(log, "b", { processRequest: () => text("early", 202) }), tracing(log, "c")],
    view: () => (log.push("view"), text("ok")),
  });
  assert.equal(await (await app(ask())).text(), "early");
  assert.deepEqual(log, ["a in", "b in", "b out 202", "a out 202"]);
});

test("a processView that returns a response is used in place of the view's", async () => {
  const log: string[] = [];
  const app = createApp({
    middleware: [tracing(log, "a", { processView: () => text("seen", 203) }), tracing(log, "b")],
    view: () => (log.push("view"), text("ok")),
  });
  assert.equal((await app(ask())).status, 203);
  assert.deepEqual(log, ["a in", "b in", "a view", "b out 203", "a out 203"]);
});

test("processException is asked from the innermost out, until one answers", async () => {
  const log: string[] = [];
  const app = createApp({
    middleware: [tracing(log, "a"), tracing(log, "b", { processException: () => text("caught", 418) }), tracing(log, "c")],
    view: () => {
      throw new Error("no");
    },
  });
  assert.equal((await app(ask())).status, 418);
  assert.deepEqual(log.slice(6), ["c exception", "b exception", "c out 418", "b out 418", "a out 418"]);
});

test("an error that nobody answers is a 500 that every middleware sees, and says nothing about itself", async () => {
  const log: string[] = [];
  const app = createApp({
    middleware: [tracing(log, "a"), tracing(log, "b")],
    view: () => {
      throw new Error("secret");
    },
  });
  const response = await app(ask());
  assert.equal(response.status, 500);
  assert.doesNotMatch(await response.text(), /secret/);
  assert.deepEqual(log.slice(-2), ["b out 500", "a out 500"]);
});

test("an error in a hook becomes a response for the middleware above it", async () => {
  const log: string[] = [];
  const broken: Middleware = {
    processResponse: () => {
      throw new Error("no");
    },
  };
  const app = createApp({ middleware: [tracing(log, "a"), broken], view: () => text("ok") });
  assert.equal((await app(ask())).status, 500);
  assert.deepEqual(log, ["a in", "a view", "a out 500"]);
});

test("a middleware is any object with a hook; one without is refused when the app is made", () => {
  class Stamp {
    processResponse(_request: Request, response: Response): void {
      response.headers.set("x-stamp", "1");
    }
  }
  assert.ok(createApp({ middleware: [new Stamp()], view: () => text("ok") }));
  for (const wrong of [{}, null, () => undefined, { process: () => undefined }]) {
    assert.throws(() => createApp({ middleware: [wrong as never], view: () => text("ok") }), { code: "ERR_SESSION_CONFIG" });
  }
});

test("the tutorial's counter counts, and works beside the user's own middleware", async () => {
  const sessions = createSessions<{ count?: number }>({ store: memoryStore() });
  const seen: number[] = [];
  const own: Middleware = {
    processResponse(request, response) {
      seen.push(sessions.of(request).data.count ?? 0);
      response.headers.set("x-own", "1");
    },
  };
  const app = createApp({
    sessions,
    middleware: [own],
    async view(request) {
      const visit = await sessions.of(request).load();
      if (visit.count === undefined) {
        visit.count = 1;
        return text("No count in session. Setting to 1");
      }
      visit.count++;
      return text(`new count=${visit.count}`);
    },
  });
  const first = await app(ask());
  assert.equal(await first.text(), "No count in session. Setting to 1");
  const cookie = first.headers.getSetCookie()[0]!.split(";")[0]!;
  assert.equal(await (await app(ask("/", cookie))).text(), "new count=2");
  assert.equal(await (await app(ask("/", cookie))).text(), "new count=3");
  assert.deepEqual(seen, [1, 2, 3]);
  assert.deepEqual([first.headers.get("x-own"), first.headers.get("vary")], ["1", "Cookie"]);
});

test("an immutable redirect gets the cookie too, and two cookies stay apart", async () => {
  const sessions = createSessions<{ count?: number }>({ store: memoryStore() });
  const app = createApp({
    sessions,
    async view(request) {
      (await sessions.of(request).load()).count = 1;
      return Response.redirect(`${BASE}/next`, 303);
    },
  });
  const response = await app(ask());
  assert.deepEqual([response.status, response.headers.get("location")], [303, `${BASE}/next`]);
  assert.equal(response.headers.getSetCookie().length, 1);
});

test("the session middleware in the user's own list, and twice, is one", async () => {
  const sessions = createSessions<{ count?: number }>({ store: memoryStore() });
  const app = createApp({
    sessions,
    middleware: [sessionMiddleware(sessions)],
    view: async (request) => text(String(await sessions.of(request).update((d) => (d.count = (d.count ?? 0) + 1)))),
  });
  const response = await app(ask());
  assert.equal(response.headers.getSetCookie().length, 1);
});

test("a session that was ended meanwhile answers 400, and its view's response is not sent", async () => {
  const sessions = createSessions<{ count?: number }>({ store: memoryStore() });
  const { cookie } = await sessions.create({ data: { count: 1 } });
  const late = createApp({
    sessions,
    async view(request) {
      const session = sessions.of(request);
      (await session.load()).count = 99;
      await sessions.revoke(session.handle!);
      return text("done");
    },
  });
  const response = await late(ask("/", cookie));
  assert.equal(response.status, 400);
  assert.deepEqual(response.headers.getSetCookie(), []);
  assert.match(await response.text(), /ERR_SESSION_GONE/);
});

test("sessions.of without the middleware says what is missing", () => {
  const sessions = createSessions({ store: memoryStore() });
  assert.throws(() => sessions.of(ask()), { code: "ERR_SESSION_NOT_ATTACHED" });
});

test("the session middleware takes a request for secure by its URL's scheme, or by what a trusted proxy says of it", async (t) => {
  let insecure = 0;
  const listener = (): void => void (insecure += 1);
  subscribe("sojourn:insecure", listener);
  t.after(() => unsubscribe("sojourn:insecure", listener));
  const heard = async (url: string, forwarded?: string, trustProxy = false): Promise<number> => {
    const sessions = createSessions<{ count?: number }>({ store: memoryStore() });
    const app = createApp({
      middleware: [sessionMiddleware(sessions, { trustProxy })],
      async view(request) {
        (await sessions.of(request).load()).count = 1;
        return text("ok");
      },
    });
    insecure = 0;
    const response = await app(
      new Request(url, { headers: forwarded === undefined ? {} : { "x-forwarded-proto": forwarded } }),
    );
    assert.equal(response.headers.getSetCookie().length, 1);
    return insecure;
  };
  assert.equal(await heard("http://example.com/"), 1);
  assert.equal(await heard("https://example.com/"), 0);
  assert.equal(await heard("http://example.com/", "https"), 1, "a proxy that nobody trusts");
  assert.equal(await heard("http://example.com/", "https, http", true), 0);
  assert.equal(await heard("https://example.com/", "http", true), 1);
});
