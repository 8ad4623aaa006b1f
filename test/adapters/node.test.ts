import assert from "node:assert/strict";
import { channel } from "node:diagnostics_channel";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import {
  connect,
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import test from "node:test";
import { type NodeListener, nodeSession } from "../../src/adapters/node.ts";
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

const newSessions = (name?: string) =>
  new Sessions<Visit>({ store: memoryStore(), ...(name !== undefined && { cookie: { name } }) });

async function serving(listener: NodeListener, use: (visitor: Visitor) => Promise<void>): Promise<void> {
  const server = await listen(createServer(listener));
  try {
    await use(new Visitor(server.port));
  } finally {
    await server.close();
  }
}

const count = async (sessions: Sessions<Visit>, req: object): Promise<number> =>
  sessions.of(req).update((visit) => (visit.count = (visit.count ?? 0) + 1));

test("as a middleware with `next`, and by hand without", async () => {
  const sessions = newSessions();
  const session = nodeSession(sessions);
  const withNext: NodeListener = (req, res) =>
    session(req, res, () => void count(sessions, req).then((n) => res.end(`${n}`)));
  const byHand: NodeListener = async (req, res) => {
    await session(req, res);
    res.end(String(await count(sessions, req)));
  };
  for (const listener of [withNext, byHand]) {
    await serving(listener, async (visitor) => {
      assert.equal((await visitor.get("/")).body, "1");
      assert.equal((await visitor.get("/")).body, "2");
    });
  }
});

test("a session that cannot be loaded: `next` is not called, by hand it rejects, and `onError` is told", async () => {
  const store = watchStore(memoryStore());
  const sessions = new Sessions<Visit>({ store: store.store, load: "always" });
  const { cookie } = await sessions.create({ data: { count: 1 } });
  store.break("load", storeDown());
  const told: unknown[] = [];
  const session = nodeSession(sessions, { onError: (error) => told.push(error) });
  let entered = false;
  await serving(
    (req, res) => session(req, res, () => (entered = true)),
    async (visitor) => {
      const answer = await visitor.get("/", { headers: { cookie } });
      assert.equal(answer.status, 503);
      assert.equal(answer.body, "ERR_SESSION_STORE: The session store failed\n");
      assert.equal(headerOf(answer, "cache-control"), "no-store");
      assert.equal(entered, false);
      assert.ok(isSessionError(told[0], "ERR_SESSION_STORE"));
    },
  );
  await serving(
    async (req, res) => {
      await assert.rejects(async () => session(req, res), { code: "ERR_SESSION_STORE" });
      res.end("by hand");
    },
    async (visitor) => assert.equal((await visitor.get("/", { headers: { cookie } })).body, "by hand"),
  );
});

test("the property can be renamed and left out", async () => {
  const sessions = newSessions();
  for (const [property, expected] of [
    [undefined, "session"],
    ["visit", "visit"],
    [false, ""],
  ] as const) {
    const wrap = nodeSession(sessions, property === undefined ? {} : { property }).wrap;
    const listener: NodeListener = (req, res) => {
      const found = ["session", "visit"].filter((name) => Reflect.get(req, name) === sessions.of(req));
      res.end(found.join());
    };
    await serving(wrap(listener), async (visitor) => assert.equal((await visitor.get("/")).body, expected));
  }
});

test("an error of the listener is answered with 500 without its words, and told", async () => {
  const told: unknown[] = [];
  const { wrap } = nodeSession(newSessions(), { onError: (error) => told.push(error) });
  const boom = new Error("secret words");
  await serving(
    wrap(() => {
      throw boom;
    }),
    async (visitor) => {
      const answer = await visitor.get("/");
      assert.deepEqual([answer.status, answer.body], [500, "Internal Server Error\n"]);
      assert.deepEqual(told, [boom]);
    },
  );
});

test("an error after the end leaves the response alone; one in the middle cuts it off", async () => {
  const { wrap } = nodeSession(newSessions(), { onError: () => {} });
  const late = wrap((_req, res) => {
    res.end("whole");
    throw new Error("late");
  });
  await serving(late, async (visitor) => assert.equal((await visitor.get("/")).body, "whole"));
  const middle = wrap((_req, res) => {
    res.write("half");
    throw new Error("in the middle");
  });
  await serving(middle, async (visitor) => {
    await assert.rejects(visitor.get("/"));
  });
});

test("two `Sessions` with cookies of their own live side by side, around each other and one after the other", async () => {
  const [one, two] = [newSessions("one"), newSessions("two")];
  const both: NodeListener = async (req, res) => {
    res.writeHead(200, { "Set-Cookie": "own=1" });
    res.end(`${await count(one, req)} ${await count(two, req)}`);
  };
  const inOrder: NodeListener = async (req, res) => {
    const first = await count(one, req);
    res.end(`${first} ${await count(two, req)}`);
  };
  for (const listener of [both, inOrder]) {
    const nested = nodeSession(one, { property: "one" }).wrap(nodeSession(two, { property: "two" }).wrap(listener));
    await serving(nested, async (visitor) => {
      const answer = await visitor.get("/");
      assert.equal(answer.body, "1 1");
      const names = linesOf(answer, "set-cookie").map((line) => line.split("=")[0]);
      assert.deepEqual(names.map(String).toSorted(), listener === both ? ["one", "own", "two"] : ["one", "two"]);
      assert.equal(headerOf(answer, "vary"), "Cookie");
      assert.equal((await visitor.get("/")).body, "2 2");
    });
  }
});

test("two `Sessions` with one cookie name are refused", async () => {
  const told: unknown[] = [];
  const options = { onError: (error: unknown) => told.push(error) };
  const inner = nodeSession(newSessions(), options).wrap((_req, res) => res.end("never"));
  await serving(nodeSession(newSessions(), options).wrap(inner), async (visitor) => {
    assert.equal((await visitor.get("/")).status, 500);
    assert.ok(isSessionError(told[0], "ERR_SESSION_CONFIG"));
  });
});

test("a cookie that leaves over plain http is told of, unless a trusted proxy says https", async () => {
  const sessions = newSessions();
  const told: unknown[] = [];
  const note = (event: unknown): void => void told.push(event);
  channel("sojourn:insecure").subscribe(note);
  try {
    const cases = [
      [{}, {}, 1],
      [{}, { "x-forwarded-proto": "https" }, 1],
      [{ trustProxy: true }, { "x-forwarded-proto": "https" }, 0],
      [{ trustProxy: true }, { "x-forwarded-proto": "HTTPS, http" }, 0],
      [{ trustProxy: true }, { "x-forwarded-proto": "http, https" }, 1],
      [{ trustProxy: true }, {}, 1],
    ] as const;
    for (const [options, headers, expected] of cases) {
      told.length = 0;
      const listener: NodeListener = async (req, res) => res.end(String(await count(sessions, req)));
      await serving(nodeSession(sessions, options).wrap(listener), async (visitor) => {
        await visitor.get("/", { headers });
      });
      assert.equal(told.length, expected, JSON.stringify([options, headers]));
    }
  } finally {
    channel("sojourn:insecure").unsubscribe(note);
  }
});

/** What middleware that waits for the headers does, compression among them: it stands in for `writeHead`. */
function onHeaders(res: ServerResponse, listener: () => void): void {
  const { writeHead } = res;
  let fired = false;
  res.writeHead = (...args: unknown[]): ServerResponse => {
    if (!fired) listener();
    fired = true;
    Reflect.apply(writeHead, res, args);
    return res;
  };
}

test("middleware that stand in for writeHead work on either side", async () => {
  const sessions = newSessions();
  const add = (name: string, listener: NodeListener): NodeListener => {
    return (req, res) => {
      onHeaders(res, () => res.setHeader(name, "1"));
      return listener(req, res);
    };
  };
  const endings: readonly ((res: ServerResponse) => unknown)[] = [
    (res) => res.end("done"),
    (res) => res.writeHead(200).end("done"),
    (res) => {
      res.write("do");
      setImmediate(() => res.end("ne"));
    },
  ];
  for (const ending of endings) {
    const listener = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
      await count(sessions, req);
      ending(res);
    };
    await serving(add("x-outer", nodeSession(sessions).wrap(add("x-inner", listener))), async (visitor) => {
      const answer = await visitor.get("/");
      assert.equal(answer.body, "done");
      assert.deepEqual([headerOf(answer, "x-outer"), headerOf(answer, "x-inner")], ["1", "1"]);
      assert.equal(linesOf(answer, "set-cookie").length, 1);
    });
  }
});

test("headers set before the session stay on its error, and the handler's do not", async () => {
  const store = watchStore(memoryStore());
  store.break("create", storeDown());
  const sessions = new Sessions<Visit>({ store: store.store });
  const inner = nodeSession(sessions, { onError: () => {} }).wrap(async (req, res) => {
    (await sessions.of(req).load()).count = 1;
    res.setHeader("x-before", "changed");
    res.setHeader("x-handler", "1");
    res.writeHead(201, "Made", { "Content-Length": 5 });
    res.end("words");
  });
  const outer: NodeListener = (req, res) => {
    res.setHeader("x-before", "1");
    return inner(req, res);
  };
  await serving(outer, async (visitor) => {
    const answer = await visitor.get("/");
    assert.deepEqual([answer.status, answer.message], [503, "Service Unavailable"]);
    assert.match(answer.body, /^ERR_SESSION_STORE: /);
    assert.deepEqual([headerOf(answer, "x-before"), headerOf(answer, "x-handler")], ["1", undefined]);
  });
});

test("when the session cannot be stored, the callbacks of what was written get its error, and the stream is let go at once", async () => {
  const store = watchStore(memoryStore());
  store.break("create", storeDown());
  const sessions = new Sessions<Visit>({ store: store.store });
  const told: string[] = [];
  const note = (what: string) => (error?: Error | null) =>
    void told.push(`${what} ${isSessionError(error, "ERR_SESSION_STORE")}`);
  const sources: number[] = [];
  const { wrap } = nodeSession(sessions, { onError: () => sources.push(source.listenerCount("data")) });
  const source = Readable.from(["words"]);
  const listener = wrap(async (req, res) => {
    (await sessions.of(req).load()).count = 1;
    if (req.url === "/pipe") return void source.pipe(res);
    res.write("words", note("write"));
    res.end("words", note("end"));
  });
  await serving(listener, async (visitor) => {
    assert.equal((await visitor.get("/")).status, 503);
    assert.deepEqual(told, ["write true", "end true"]);
    sources.length = 0;
    assert.equal((await visitor.get("/pipe")).status, 503);
    assert.deepEqual(sources, [0]);
  });
});

interface Http2Answer {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

type Http2Listener = NodeListener<Http2ServerRequest, Http2ServerResponse>;

async function overHttp2(
  listener: Http2Listener,
  sessions: Sessions<Visit>,
  headSeen: () => void,
  use: (ask: (path: string, cookie?: string) => Promise<Http2Answer>) => Promise<void>,
): Promise<void> {
  const wrapped: Http2Listener = nodeSession(sessions, { onError: () => {} }).wrap(listener);
  const server = createHttp2Server((req, res) => void wrapped(req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    await use(async (path, cookie) => {
      const stream = client.request({ ":path": path, ...(cookie !== undefined && { cookie }) });
      const headers = new Promise<IncomingHttpHeaders>((resolve) => stream.once("response", resolve));
      void headers.then(headSeen);
      return { body: await text(stream), headers: await headers };
    });
  } finally {
    client.close();
    await new Promise((resolve) => server.close(resolve));
  }
}

test("HTTP/2: in one piece, in pieces, with writeHead alone, and with an error", async () => {
  const warnings: unknown[] = [];
  const warn = (warning: unknown): void => void warnings.push(warning);
  process.on("warning", warn);
  const store = watchStore(memoryStore());
  const sessions = new Sessions<Visit>({ store: store.store });
  const headSeen = Promise.withResolvers<void>();
  const listener: Http2Listener = async (req, res) => {
    const visit = await sessions.of(req).load();
    visit.count = (visit.count ?? 0) + 1;
    const words = `count=${visit.count}`;
    if (req.url === "/pieces") {
      res.setHeader("x-own", "1");
      assert.equal(res.write(words.slice(0, 3)), false);
      assert.equal(res.headersSent, true);
      assert.throws(() => res.setHeader("x-late", "1"), { code: "ERR_HTTP2_HEADERS_SENT" });
      res.end(words.slice(3));
    } else if (req.url === "/head") {
      res.writeHead(201, { "x-own": "1", "set-cookie": ["own=1"] });
      setImmediate(() => res.end(words));
    } else if (req.url === "/wait") {
      // Sent at once, unlike in HTTP/1: the client has it before there is a body.
      res.writeHead(201);
      void headSeen.promise.then(() => res.end(`${words} after the headers`));
    } else {
      res.setHeader("x-own", "1");
      res.end(words);
    }
  };
  await overHttp2(listener, sessions, headSeen.resolve, async (ask) => {
    const waiting = await ask("/wait");
    assert.deepEqual([waiting.headers[":status"], waiting.body], [201, "count=1 after the headers"]);
    for (const path of ["/", "/pieces", "/head"]) {
      const { headers, body } = await ask(path);
      assert.equal(body, "count=1");
      assert.equal(headers["x-own"], "1");
      const cookies = headers["set-cookie"]?.filter((line) => line.startsWith("__Host-sid="));
      assert.equal(cookies?.length, 1, path);
      assert.equal((await ask(path, cookies?.[0]?.split(";")[0])).body, "count=2");
    }
    store.break("create", storeDown());
    for (const path of ["/", "/pieces", "/head"]) {
      const { headers, body } = await ask(path);
      assert.deepEqual([headers[":status"], headers["x-own"]], [503, undefined]);
      assert.match(body, /^ERR_SESSION_STORE: /);
    }
  });
  process.off("warning", warn);
  assert.deepEqual(warnings, []);
});

test("what a handler changes after it has sent its body is stored, unless the session is large", async () => {
  const sessions = new Sessions<Visit & { text?: string }>({ store: memoryStore() });
  let finished = Promise.withResolvers<void>();
  const listener = nodeSession(sessions).wrap(async (req, res) => {
    res.once("close", () => setImmediate(finished.resolve));
    const visit = await sessions.of(req).load();
    if (req.url === "/start") visit.text = "x";
    if (req.url === "/grow") visit.text = "x".repeat(20_000);
    res.end(String(visit.count ?? 0));
    visit.count = (visit.count ?? 0) + 1;
  });
  await serving(listener, async (visitor) => {
    const get = async (path: string): Promise<string> => {
      const { body } = await visitor.get(path);
      await finished.promise;
      finished = Promise.withResolvers();
      return body;
    };
    assert.deepEqual([await get("/start"), await get("/"), await get("/grow")], ["0", "1", "2"]);
    assert.equal(await get("/"), "2", "a large one is not compared once more");
  });
});
