import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import { Redis } from "ioredis";
import mysql from "mysql2/promise";
import pg from "pg";
import { createClient } from "redis";
import { nodeSession } from "../../src/adapters/node.ts";
import type { Session } from "../../src/core/session.ts";
import type { Sessions } from "../../src/core/sessions.ts";
import {
  type DjangoEngine,
  djangoLogin,
  djangoLogout,
  djangoSessions,
  type DjangoSessionsOptions,
  djangoUser,
} from "../../src/django/index.ts";
import { startMariadb } from "../servers/mariadb.ts";
import { startMemcached } from "../servers/memcached.ts";
import { needs } from "../servers/needs.ts";
import { startPostgres } from "../servers/postgres.ts";
import type { ServerName } from "../servers/programs.ts";
import { startRedis } from "../servers/redis.ts";
import { askPort, Browser, type Site, type SiteSettings, startSite } from "./site.ts";

const SECRET = "the secret of both sides";

interface Data {
  count?: number;
  [key: string]: unknown;
}

/** What both sides share, and how it is taken away again. */
interface Shared {
  readonly site: Omit<SiteSettings, "secretKey">;
  readonly engine: DjangoEngine;
  readonly options?: Partial<DjangoSessionsOptions<Data>>;
  end(): Promise<void>;
}

type Users = Map<string, { password: string }>;

/** A request that has read its session, and waits before it changes it. */
interface Held {
  readonly reached: PromiseWithResolvers<void>;
  readonly go: PromiseWithResolvers<void>;
}

const held = new Map<string, Held>();

function hold(name: string): Held {
  const made = { reached: Promise.withResolvers<void>(), go: Promise.withResolvers<void>() };
  held.set(name, made);
  return made;
}

const routes: Record<string, (session: Session<Data>, query: URLSearchParams, users: Users) => Promise<unknown>> = {
  "/count": (session) => session.update((data) => (data.count = (data.count ?? 0) + 1)),
  "/show": async (session) => ({ data: await session.load() }),
  async "/put"(session, query) {
    Object.assign(await session.load(), JSON.parse(query.get("data") ?? "{}"));
  },
  async "/login"(session, query, users) {
    const id = query.get("id") ?? "";
    users.set(id, { password: query.get("password") ?? "" });
    await djangoLogin(session, { id, password: query.get("password") ?? "" });
  },
  async "/who"(session, query) {
    const password = query.get("password") ?? "";
    const found = await djangoUser(session, { findUser: () => ({ password }) });
    return found?.id ?? null;
  },
  "/logout": (session) => djangoLogout(session),
  async "/slow"(session, query) {
    const data = await session.load();
    const barrier = held.get(query.get("barrier") ?? "");
    barrier?.reached.resolve();
    await barrier?.go.promise;
    data["here"] = true;
  },
  "/message": (session, query) => session.flash.add(query.get("text") ?? "", "warning"),
  "/messages": (session) => session.flash.take(),
  async "/expire"(session, query) {
    await session.load();
    session.setExpiry(Number(query.get("seconds")));
  },
  async "/expiry"(session) {
    await session.load();
    return [session.expiryAge, session.expireAtBrowserClose];
  },
  "/test-cookie": (session) => session.setTestCookie(),
  "/test-cookie-worked": (session) => session.testCookieWorked(),
};

async function serve(sessions: Sessions<Data>): Promise<Site & { stop(): Promise<void> }> {
  const users: Users = new Map();
  const server: Server = createServer(
    nodeSession(sessions, { onError: () => undefined }).wrap(async (req, res) => {
      const url = new URL(req.url ?? "/", "http://localhost");
      const answer = await routes[url.pathname]?.(sessions.of(req), url.searchParams, users);
      res.end(JSON.stringify(answer ?? null));
    }),
  );
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
  return {
    port,
    ask: (browser, path, query) => askPort(port, browser, path, query),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await sessions.close();
    },
  };
}

function sqliteFile(): { folder: string; database: Record<string, string>; sqlite: DatabaseSync; end(): Promise<void> } {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-django-"));
  const path = join(folder, "db.sqlite3");
  const sqlite = new DatabaseSync(path, { timeout: 5000 });
  const end = async (): Promise<void> => {
    sqlite.close();
    rmSync(folder, { recursive: true });
  };
  return { folder, database: { ENGINE: "django.db.backends.sqlite3", NAME: path }, sqlite, end };
}

const setups: Record<string, { readonly needs: readonly ServerName[]; readonly shares?: boolean; open(): Promise<Shared> }> =
  {
    "db on SQLite": {
      needs: [],
      async open() {
        const { database, sqlite, end } = sqliteFile();
        return { site: { engine: "db", database }, engine: { name: "db", database: { sqlite } }, end };
      },
    },
    "db on SQLite, dates of a place": {
      needs: [],
      async open() {
        const { database, sqlite, end } = sqliteFile();
        const site = { engine: "db", database, useTz: false, timeZone: "America/New_York" } as const;
        return { site, engine: { name: "db", database: { sqlite } }, options: { timeZone: "America/New_York" }, end };
      },
    },
    "db on PostgreSQL": {
      needs: ["postgres"],
      async open() {
        const server = await startPostgres();
        const pool = new pg.Pool({ connectionString: server.url });
        const database = {
          ENGINE: "django.db.backends.postgresql",
          NAME: server.database,
          USER: server.user,
          HOST: "127.0.0.1",
          PORT: server.port,
        };
        const end = async (): Promise<void> => {
          await pool.end();
          await server.stop();
        };
        return { site: { engine: "db", database }, engine: { name: "db", database: { postgres: pool } }, end };
      },
    },
    "db on MariaDB": {
      needs: ["mariadb"],
      async open() {
        const server = await startMariadb();
        const pool = mysql.createPool(`mysql://${server.user}:sojourn@127.0.0.1:${server.port}/sojourn`);
        const database = {
          ENGINE: "django.db.backends.mysql",
          NAME: "sojourn",
          USER: server.user,
          PASSWORD: "sojourn",
          HOST: "127.0.0.1",
          PORT: server.port,
        };
        const end = async (): Promise<void> => {
          await pool.end();
          await server.stop();
        };
        return { site: { engine: "db", database }, engine: { name: "db", database: { mysql: pool } }, end };
      },
    },
    "cached_db on SQLite and Redis": {
      needs: ["redis"],
      async open() {
        const { database, sqlite, end } = sqliteFile();
        const server = await startRedis();
        const redis = new Redis(server.port);
        return {
          site: { engine: "cached_db", database, cache: cacheOf(server.port) },
          engine: { name: "cached_db", database: { sqlite }, cache: { redis } },
          async end() {
            redis.disconnect();
            await server.stop();
            await end();
          },
        };
      },
    },
    "cache on Redis": {
      needs: ["redis"],
      async open() {
        const { database, end } = sqliteFile();
        const server = await startRedis();
        const redis = await createClient({ url: server.url }).connect();
        return {
          site: { engine: "cache", database, cache: cacheOf(server.port) },
          engine: { name: "cache", cache: { redis } },
          async end() {
            redis.destroy();
            await server.stop();
            await end();
          },
        };
      },
    },
    "cache on Memcached": {
      needs: ["memcached"],
      async open() {
        const { database, end } = sqliteFile();
        const server = await startMemcached();
        const address = `127.0.0.1:${server.port}`;
        const cache = {
          BACKEND: "django.core.cache.backends.memcached.PyMemcacheCache",
          LOCATION: address,
          KEY_PREFIX: "site",
        };
        return {
          site: { engine: "cache", database, cache },
          engine: { name: "cache", cache: { memcached: address, keyPrefix: "site" } },
          async end() {
            await server.stop();
            await end();
          },
        };
      },
    },
    file: {
      needs: [],
      async open() {
        const { database, folder, end } = sqliteFile();
        const dir = join(folder, "sessions");
        mkdirSync(dir);
        return { site: { engine: "file", database, dir }, engine: { name: "file", dir }, end };
      },
    },
    signed_cookies: {
      needs: [],
      shares: false,
      async open() {
        const { database, end } = sqliteFile();
        return { site: { engine: "signed_cookies", database }, engine: { name: "signed_cookies" }, end };
      },
    },
  };

function cacheOf(port: number): Record<string, unknown> {
  return { BACKEND: "django_redis.cache.RedisCache", LOCATION: `redis://127.0.0.1:${port}/0` };
}

for (const [name, setup] of Object.entries(setups)) {
  describe(`sessions shared with a real Django: ${name}`, { skip: needs("django", ...setup.needs) }, () => {
    let shared: Shared;
    let django: Awaited<ReturnType<typeof startSite>>;
    let here: Awaited<ReturnType<typeof serve>>;

    before(async () => {
      shared = await setup.open();
      django = await startSite({ ...shared.site, secretKey: SECRET });
      const options = { secretKey: SECRET, engine: shared.engine, cookie: { secure: false }, ...shared.options };
      here = await serve(djangoSessions<Data>(options));
    });
    after(async () => {
      await here.stop();
      await django.stop();
      await shared.end();
    });

    const user = async (who: string): Promise<{ id: string; password: string }> => {
      const found = (await django.ask(new Browser(), "/user", { user: who, password: "first" })) as Record<string, unknown>;
      return { id: String(found["id"]), password: String(found["password"]) };
    };

    test("the counter alternates between the two sides, whoever begins", async () => {
      for (const sides of [
        [django, here],
        [here, django],
      ]) {
        const browser = new Browser();
        for (let count = 1; count <= 8; count++) assert.equal(await sides[count % 2]?.ask(browser, "/count"), count);
      }
    });

    test("what this side did not touch comes back to Django with the same types", async () => {
      const browser = new Browser();
      const data = '{"big": 9007199254740993, "one": 1.0, "list": [1, 2.0, null], "é": "ü😀", "10": "a", "9": "b"}';
      await django.ask(browser, "/put", { data });
      const untouched = await django.ask(browser, "/show");
      await here.ask(browser, "/count");
      const { data: shown, types } = (await django.ask(browser, "/show")) as { data: object; types: object };
      assert.deepEqual({ ...shown, count: 1 }, { ...(untouched as { data: object }).data, count: 1 });
      assert.deepEqual(types, { ...(untouched as { types: object }).types, count: "int" });
    });

    test("a login on Django is seen here, and a logout here ends it there", async () => {
      const { id, password } = await user("ada");
      const browser = new Browser();
      await django.ask(browser, "/login", { user: "ada", password: "first" });
      assert.equal(await here.ask(browser, "/who", { password }), id);
      assert.equal(await here.ask(browser, "/count"), 1);
      assert.equal(((await django.ask(browser, "/show")) as { user: string }).user, "ada");
      await here.ask(browser, "/logout");
      assert.equal(((await django.ask(browser, "/show")) as { user: string }).user, "");
    });

    test("a login here is seen by Django, with a new key, and a logout there ends it here", async () => {
      const { id, password } = await user("grace");
      const browser = new Browser();
      await here.ask(browser, "/count");
      const anonymous = browser.session;
      await here.ask(browser, "/login", { id, password });
      assert.notEqual(browser.session, anonymous);
      const seen = (await django.ask(browser, "/show")) as { user: string; data: Data };
      assert.deepEqual([seen.user, seen.data.count], ["grace", 1]);
      await django.ask(browser, "/logout");
      assert.equal(await here.ask(browser, "/who", { password }), null);
    });

    test("a password that changes in Django logs out here, too", async () => {
      await user("alan");
      const browser = new Browser();
      await django.ask(browser, "/login", { user: "alan", password: "first" });
      const password = String(await django.ask(new Browser(), "/password", { user: "alan", password: "second" }));
      assert.equal(await here.ask(browser, "/who", { password }), null);
      assert.equal(((await django.ask(browser, "/show")) as { user: string }).user, "");
    });

    test("messages, expiry and the test cookie mean the same on both sides", async () => {
      const browser = new Browser();
      await django.ask(browser, "/message", { text: "from Django", tags: "big" });
      await here.ask(browser, "/message", { text: "from here" });
      const shown = (await django.ask(browser, "/messages")) as unknown[];
      assert.deepEqual(shown, [
        [30, "from Django", "big"],
        // Django 3.2 leaves empty tags out, too.
        [30, "from here", null],
      ]);
      await django.ask(browser, "/message", { text: "again" });
      assert.deepEqual(await here.ask(browser, "/messages"), [{ message: "again", level: "warning" }]);
      assert.deepEqual(await django.ask(browser, "/messages"), []);
      await here.ask(browser, "/expire", { seconds: "3600" });
      assert.deepEqual(await django.ask(browser, "/expiry"), [3600, false]);
      await django.ask(browser, "/expire", { seconds: "0" });
      const [age, withBrowser] = (await here.ask(browser, "/expiry")) as [number, boolean];
      // Counted from when Django saved it, which is a moment ago.
      assert.ok(age <= 1_209_600 && age > 1_209_540, String(age));
      assert.equal(withBrowser, true);
      await django.ask(browser, "/test-cookie");
      assert.equal(await here.ask(browser, "/test-cookie-worked"), true);
      await here.ask(browser, "/test-cookie");
      assert.equal(await django.ask(browser, "/test-cookie-worked"), true);
    });

    const shares = setup.shares ?? true;
    const waits = { skip: shares ? false : "the session is in the cookie: no two requests share a record" };

    test("what Django stores between our read and our write is merged, not overwritten", waits, async () => {
      const browser = new Browser();
      await django.ask(browser, "/count");
      const barrier = hold(`merge ${name}`);
      const slow = here.ask(browser.copy(), "/slow", { barrier: `merge ${name}` });
      await barrier.reached.promise;
      await django.ask(browser, "/put", { data: '{"there": [1]}' });
      barrier.go.resolve();
      await slow;
      const { data } = (await django.ask(browser, "/show")) as { data: object };
      assert.deepEqual(data, { count: 1, there: [1], here: true });
    });

    test("a logout on Django while a request runs here is not undone, and the request is told", waits, async () => {
      const browser = new Browser();
      await django.ask(browser, "/count");
      const barrier = hold(`logout ${name}`);
      const slow = here.ask(browser.copy(), "/slow", { barrier: `logout ${name}` });
      const told = assert.rejects(slow, /answered 400/);
      await barrier.reached.promise;
      const late = browser.copy();
      await django.ask(browser, "/logout");
      barrier.go.resolve();
      await told;
      assert.deepEqual(await here.ask(late.copy(), "/show"), { data: {} });
      assert.deepEqual(((await django.ask(late, "/show")) as { data: object }).data, {});
    });

    test("of 40 updates at once none is lost, over two of our servers where the engine can compare", waits, async () => {
      const browser = new Browser();
      await here.ask(browser, "/count");
      const options = { secretKey: SECRET, engine: shared.engine, cookie: { secure: false }, ...shared.options };
      const other = shared.engine.name === "file" ? undefined : await serve(djangoSessions<Data>(options));
      try {
        const sides = [here, other ?? here];
        await Promise.all(Array.from({ length: 39 }, (_, at) => sides[at % 2]?.ask(browser.copy(), "/count")));
        assert.equal(((await django.ask(browser, "/show")) as { data: Data }).data.count, 40);
      } finally {
        await other?.stop();
      }
    });

    test("a session of another secret is empty on both sides, and its record is left alone", async () => {
      const options = { secretKey: "another secret", engine: shared.engine, cookie: { secure: false }, ...shared.options };
      if (shared.engine.name === "cache") return assert.match(name, /^cache on/, "a cache is not signed");
      const stranger = await serve(djangoSessions<Data>(options));
      try {
        const browser = new Browser();
        await django.ask(browser, "/count");
        assert.deepEqual(await here.ask(browser.copy(), "/show"), { data: { count: 1 } });
        if (shared.engine.name !== "cached_db") {
          assert.deepEqual(await stranger.ask(browser.copy(), "/show"), { data: {} });
        }
        assert.deepEqual(await here.ask(browser.copy(), "/show"), { data: { count: 1 } });
      } finally {
        await stranger.stop();
      }
    });
  });
}
