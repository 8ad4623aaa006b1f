import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import test from "node:test";
import express, { type ErrorRequestHandler, type Express } from "express";
import express4 from "express4";
import { expressSession } from "../../src/adapters/express.ts";
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

const versions = [
  ["express 5", express],
  ["express 4", express4],
] as const;

async function serving(app: Express, use: (visitor: Visitor) => Promise<void>): Promise<void> {
  app.set("env", "test");
  const server = await listen(createServer((req, res) => void app(req, res)));
  try {
    await use(new Visitor(server.port));
  } finally {
    await server.close();
  }
}

for (const [version, create] of versions) {
  test(`${version}: a session that cannot be stored goes to the application's error handler`, async () => {
    const store = watchStore(memoryStore());
    store.break("create", storeDown());
    const sessions = new Sessions<Visit>({ store: store.store });
    const answers: Readonly<Record<string, ErrorRequestHandler>> = {
      "at once": (error, _req, res, _next) => void res.status(418).json({ code: (error as { code: string }).code }),
      later: (error, _req, res, _next) =>
        void setImmediate(() => {
          res.status(418);
          setImmediate(() => res.json({ code: (error as { code: string }).code }));
        }),
      "without a status of its own": (error, _req, res, _next) => void res.json({ code: (error as { code: string }).code }),
    };
    for (const [name, answer] of Object.entries(answers)) {
      const app = create();
      app.use(expressSession(sessions));
      app.get("/whole", async (req, res) => {
        (await sessions.of(req).load()).count = 1;
        res.set("x-handler", "1").type("html").send("the handler's words");
      });
      app.get("/pieces", async (req, res) => {
        (await sessions.of(req).load()).count = 1;
        res.set("x-handler", "1").type("html");
        // Never looks whether it may go on.
        for (let piece = 0; piece < 50; piece++) {
          res.write("words");
          await new Promise(setImmediate);
        }
        res.end("the handler's words");
      });
      app.use(answer);
      await serving(app, async (visitor) => {
        for (const path of ["/whole", "/pieces"]) {
          const got = await visitor.get(path);
          assert.equal(got.status, name.startsWith("without") ? 503 : 418, `${name} ${path}`);
          assert.equal(got.body, '{"code":"ERR_SESSION_STORE"}', `${name} ${path}`);
          assert.equal(headerOf(got, "x-handler"), undefined);
          assert.equal(headerOf(got, "content-type"), "application/json; charset=utf-8");
          assert.deepEqual(linesOf(got, "set-cookie"), []);
        }
      });
    }
  });

  test(`${version}: a session that cannot be loaded goes to the error handler, and no handler runs`, async () => {
    const store = watchStore(memoryStore());
    const sessions = new Sessions<Visit>({ store: store.store, load: "always" });
    const { cookie } = await sessions.create({ data: { count: 1 } });
    store.break("load", storeDown());
    const seen: unknown[] = [];
    const app = create();
    app.use(expressSession(sessions));
    app.use((_req, res) => void res.send("a handler ran"));
    const answer: ErrorRequestHandler = (error, _req, res, _next) => {
      seen.push(error);
      res.status(503).send("sorry");
    };
    app.use(answer);
    await serving(app, async (visitor) => {
      const got = await visitor.get("/", { headers: { cookie } });
      assert.deepEqual([got.status, got.body], [503, "sorry"]);
      assert.ok(isSessionError(seen[0], "ERR_SESSION_STORE"));
    });
  });

  test(`${version}: a handler that throws downstream meets its error handler once`, async () => {
    const sessions = new Sessions<Visit>({ store: memoryStore() });
    let times = 0;
    const app = create();
    app.use(expressSession(sessions));
    app.get("/", () => {
      throw new Error("the handler failed");
    });
    const answer: ErrorRequestHandler = (_error, _req, res, _next) => {
      times++;
      res.status(500).send("sorry");
    };
    app.use(answer);
    await serving(app, async (visitor) => {
      assert.equal((await visitor.get("/")).body, "sorry");
      assert.equal(times, 1);
    });
  });

  test(`${version}: the session works in a router, with redirect, json, sendFile and end`, async () => {
    const sessions = new Sessions<Visit>({ store: memoryStore() });
    const app = create();
    app.use(expressSession(sessions));
    const router = create.Router();
    const add = async (req: IncomingMessage): Promise<number> =>
      sessions.of(req).update((visit) => (visit.count = (visit.count ?? 0) + 1));
    router.get("/json", async (req, res) => void res.json({ count: await add(req) }));
    router.get("/end", async (req, res) => void res.end(String(await add(req))));
    router.get("/file", async (req, res) => {
      await add(req);
      res.sendFile(import.meta.filename);
    });
    app.use("/in", router);
    await serving(app, async (visitor) => {
      assert.equal((await visitor.get("/in/json")).body, '{"count":1}');
      assert.equal((await visitor.get("/in/end")).body, "2");
      const file = await visitor.get("/in/file");
      assert.ok(file.body.includes("import assert"));
      const etag = headerOf(file, "etag") ?? "";
      const unchanged = await visitor.get("/in/file", { headers: { "if-none-match": etag } });
      assert.deepEqual([unchanged.status, unchanged.body], [304, ""]);
      assert.equal((await visitor.get("/in/json")).body, '{"count":5}');
    });
  });
}

test("`secure` follows Express's own trust in its proxy, and plain Connect has only the socket", async () => {
  const sessions = new Sessions<Visit>({ store: memoryStore() });
  const seen: (boolean | undefined)[] = [];
  const probe = (req: IncomingMessage & { secure?: boolean }, _res: ServerResponse, next: () => void): void => {
    seen.push(req.secure);
    next();
  };
  for (const trust of [true, false]) {
    const app = express();
    app.set("trust proxy", trust);
    app.use(probe, expressSession(sessions, { property: "visit" }));
    app.get("/", (req, res) => void res.json(Reflect.get(req, "visit") === sessions.of(req)));
    await serving(app, async (visitor) => {
      assert.equal((await visitor.get("/", { headers: { "x-forwarded-proto": "https" } })).body, "true");
    });
  }
  assert.deepEqual(seen, [true, false]);
  const middleware = expressSession(sessions);
  const server = await listen(
    createServer((req, res) => middleware(req, res, () => res.end(String(sessions.of(req).isEmpty)))),
  );
  assert.equal((await new Visitor(server.port).get("/")).body, "true");
  await server.close();
});
