import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, it } from "node:test";
import { handleOf, type SessionId } from "../../src/index.ts";
import { startMariadb } from "../servers/mariadb.ts";
import { startMemcached } from "../servers/memcached.ts";
import { needs } from "../servers/needs.ts";
import { startPostgres } from "../servers/postgres.ts";
import type { ServerName } from "../servers/programs.ts";
import { startRedis } from "../servers/redis.ts";
import { Browser, type SiteSettings, startSite } from "../django/site.ts";
import { type Ending, errorOf, json, sojourn, workFolder } from "./_program.ts";

const USERS = ["ada", null, "eve"];
const SECRET = "the secret of the site";

/** A place where a Django project keeps its sessions, and how the program is told of it. */
interface Place {
  readonly site: Omit<SiteSettings, "secretKey">;
  readonly url: string;
  readonly options?: readonly string[];
  stop?(): Promise<void>;
}

const sqliteIn = (folder: string): Record<string, string> => ({
  ENGINE: "django.db.backends.sqlite3",
  NAME: join(folder, "db.sqlite3"),
});

const PLACES: Record<
  string,
  { readonly needs: readonly ServerName[]; readonly lists: boolean; open(folder: string): Promise<Place> }
> = {
  "a table of SQLite with dates of a place": {
    needs: [],
    lists: true,
    open: async (folder) => ({
      site: { engine: "db", database: sqliteIn(folder), useTz: false, timeZone: "Asia/Tokyo" },
      url: "sqlite:db.sqlite3",
      options: ["--time-zone", "Asia/Tokyo"],
    }),
  },
  "a table of PostgreSQL": {
    needs: ["postgres"],
    lists: true,
    async open() {
      const { database: NAME, user: USER, port: PORT, url, stop } = await startPostgres();
      const database = { ENGINE: "django.db.backends.postgresql", NAME, USER, HOST: "127.0.0.1", PORT };
      return { site: { engine: "db", database }, url, stop };
    },
  },
  "a table of MariaDB": {
    needs: ["mariadb"],
    lists: true,
    async open() {
      const { user: USER, port: PORT, stop } = await startMariadb();
      const login = { NAME: "sojourn", USER, PASSWORD: "sojourn", HOST: "127.0.0.1", PORT };
      const url = `mysql://${USER}:sojourn@127.0.0.1:${PORT}/sojourn`;
      return { site: { engine: "db", database: { ENGINE: "django.db.backends.mysql", ...login } }, url, stop };
    },
  },
  "a cache on Redis": {
    needs: ["redis"],
    lists: false,
    async open(folder) {
      const { port, stop } = await startRedis();
      const url = `redis://127.0.0.1:${port}/1`;
      const cache = { BACKEND: "django_redis.cache.RedisCache", LOCATION: url, KEY_PREFIX: "site", VERSION: 2 };
      const options = ["--key-prefix", "site", "--key-version", "2"];
      return { site: { engine: "cache", database: sqliteIn(folder), cache }, url, options, stop };
    },
  },
  "the cached part of cached_db, on Redis": {
    needs: ["redis"],
    lists: false,
    async open(folder) {
      const { port, stop } = await startRedis();
      const url = `redis://127.0.0.1:${port}/1`;
      const cache = { BACKEND: "django_redis.cache.RedisCache", LOCATION: url };
      return { site: { engine: "cached_db", database: sqliteIn(folder), cache }, url, stop };
    },
  },
  "a cache on Memcached": {
    needs: ["memcached"],
    lists: false,
    async open(folder) {
      const { port, stop } = await startMemcached();
      const cache = {
        BACKEND: "django.core.cache.backends.memcached.PyMemcacheCache",
        LOCATION: `127.0.0.1:${port}`,
        KEY_PREFIX: "site",
      };
      const place = { url: `memcached://127.0.0.1:${port}`, options: ["--key-prefix", "site"] };
      return { site: { engine: "cache", database: sqliteIn(folder), cache }, ...place, stop };
    },
  },
  files: {
    needs: [],
    lists: true,
    async open(folder) {
      mkdirSync(join(folder, "sessions"));
      const site = { engine: "file", database: sqliteIn(folder), dir: join(folder, "sessions") } as const;
      return { site, url: "file:sessions" };
    },
  },
  "signed cookies": {
    needs: [],
    lists: false,
    open: async (folder) => ({ site: { engine: "signed_cookies", database: sqliteIn(folder) }, url: "cookie:" }),
  },
};

for (const [name, { needs: servers, lists, open }] of Object.entries(PLACES)) {
  describe(`inspect and list on ${name} of a real Django`, { skip: needs("django", ...servers) }, () => {
    const folder = workFolder();
    const visitors: { readonly browser: Browser; readonly key: string; readonly user: string | null }[] = [];
    let place: Place;

    before(async () => {
      place = await open(folder);
      const site = await startSite({ ...place.site, secretKey: SECRET });
      try {
        for (const user of USERS) {
          const browser = new Browser();
          await site.ask(browser, "/put", { data: JSON.stringify({ cart: [user], one: 1 }) });
          const query = { user: String(user), password: "secret" };
          const { id = null } = user === null ? {} : ((await site.ask(browser, "/user", query)) as { id: number });
          if (user !== null) await site.ask(browser, "/login", query);
          await site.ask(browser, "/message", { text: "hello" });
          visitors.push({ browser, key: browser.session ?? "", user: id === null ? null : String(id) });
        }
      } finally {
        await site.stop();
      }
    });
    after(() => place.stop?.());

    const run = (args: readonly string[], input?: string, env = { SECRET_KEY: SECRET }): Promise<Ending> =>
      sojourn([...args, "--django", place.url, ...(place.options ?? [])], {
        cwd: folder,
        env,
        ...(input === undefined ? {} : { input }),
      });
    const clean = ({ stdout, stderr }: Ending): string => {
      for (const { key } of visitors) assert.ok(!(stdout + stderr).includes(key), "a key is never shown");
      assert.ok(!(stdout + stderr).includes(SECRET));
      return stdout;
    };

    it("inspect shows a session, decoded, for what comes in on the standard input", async () => {
      for (const [index, { browser, key, user }] of visitors.entries()) {
        const ending = await run(["inspect", "-", "--json"], index === 0 ? `Cookie: other=1; ${browser.header}` : key);
        const shown = json(clean(ending));
        assert.equal(ending.code, 0);
        assert.deepEqual([shown["state"], shown["userId"], shown["createdAt"]], ["live", user, null]);
        assert.equal(shown["handle"], name === "signed cookies" ? null : handleOf(key as SessionId));
        const data = shown["data"] as Record<string, unknown>;
        assert.deepEqual([data["cart"], data["one"]], [[USERS[index]], 1]);
        assert.deepEqual(data["_auth_user_hash"], user === null ? undefined : "hidden");
        assert.deepEqual(shown["notes"], { flash: 1 });
      }
      const text = clean(await run(["inspect", visitors[0]?.key ?? ""]));
      assert.match(text, /state +live\n/);
      assert.match(text, /created +unknown\n/);
      if (!name.includes("Memcached")) assert.match(text, /expires +\d{4}-.* in 1[34] days\n/);
      if (!name.includes("SQLite")) return;
      const redacted = clean(await run(["inspect", "--redact", visitors[0]?.key ?? ""]));
      assert.ok(!redacted.includes("ada") && redacted.includes("hidden"));
    });

    it("inspect says that there is none for an unknown key, and what is wrong with another secret", async () => {
      const unknown = "0123456789abcdefghijklmnopqrstuv";
      const missing = await run(["inspect", "-"], unknown);
      assert.equal(missing.code, 3);
      assert.ok(!clean(missing).includes(unknown));
      const other = await run(["inspect", "-", "--json"], visitors[0]?.key, { SECRET_KEY: "another" });
      const { code, stdout } = other;
      clean(other);
      if (name.includes("cache")) return assert.equal(code, 0, "a cache is not signed");
      const state = name === "signed cookies" ? "tampered" : "unreadable";
      assert.deepEqual([code, json(stdout)["state"]], [4, state]);
    });

    it("needs SECRET_KEY, where anything is signed", async () => {
      const ending = await run(["inspect", "-", "--json"], visitors[0]?.key, {} as { SECRET_KEY: string });
      if (name.includes("cache")) return assert.equal(ending.code, 0);
      assert.equal(ending.code, 5);
      return assert.equal(errorOf(ending)["code"], "ERR_CLI_SECRET_KEY");
    });

    if (!lists) {
      it("list says that these cannot be listed", async () => {
        const ending = await run(["list", "--json"]);
        assert.equal(ending.code, 1);
        assert.equal(errorOf(ending)["code"], "ERR_CLI_NOT_LISTED");
      });
      return;
    }

    it("list shows every session under a handle that inspect takes, a page at a time, and one user's", async () => {
      const list = async (...options: string[]): Promise<Record<string, unknown>[]> =>
        clean(await run(["list", "--json", ...options]))
          .split("\n")
          .filter((line) => line !== "")
          .map(json);
      const all = await list();
      const sorted = visitors.toSorted((a, b) => (a.key < b.key ? -1 : 1));
      assert.deepEqual(
        all.map(({ handle, userId, state }) => [handle, userId, state]),
        sorted.map(({ key, user }) => [handleOf(key as SessionId), user, "live"]),
      );
      const shown = json(clean(await run(["inspect", "--json", String(all[0]?.["handle"])])));
      assert.deepEqual(shown["data"], all[0]?.["data"]);
      // The rest is the same code, wherever the rows come from.
      if (!name.includes("SQLite")) return;
      const first = await list("--limit", "2");
      assert.deepEqual([...first, ...(await list("--after", String(first[1]?.["handle"])))], all);
      const eve = visitors[2];
      assert.deepEqual(
        (await list("--user", eve?.user ?? "")).map(({ handle }) => handle),
        [handleOf((eve?.key ?? "") as SessionId)],
      );
      const text = await run(["list"]);
      assert.match(clean(text), /^(?:[0-9a-f]{48}\t\d*\t\t\d{4}-[^\t]+\t\d+\t\{.*\}\n){3}$/);
      assert.match(text.stderr, /^3 sessions in Django's /);
    });

    it("list goes on past what another secret signed", async () => {
      const ending = await run(["list", "--json"], undefined, { SECRET_KEY: "another" });
      assert.equal(ending.code, 0);
      const states = clean(ending)
        .trim()
        .split("\n")
        .map((line) => json(line)["state"]);
      assert.deepEqual(states, ["unreadable", "unreadable", "unreadable"]);
    });
  });
}

describe("inspect and list on Django's table", () => {
  const folder = workFolder();
  const key = (n: number): string => `k${String(n).padStart(31, "0")}`;
  before(() => {
    const db = new DatabaseSync(join(folder, "db.sqlite3"));
    db.exec("CREATE TABLE other (session_key varchar(40) PRIMARY KEY, session_data text, expire_date datetime)");
    const rows: [string, string | null | Uint8Array, string | null][] = [
      [key(1), "nothing that was signed", "2999-01-01 00:00:00"],
      [key(2), null, "2999-01-01 00:00:00"],
      [key(3), new Uint8Array([1, 2]), "2999-01-01 00:00:00"],
      [key(4), "e30:1r31eq:2J1HCUAyWjcf9-zyO2azKgopZBK62o6r5IsasDXaX9I", "no date"],
      [key(5), "e30:1r31eq:2J1HCUAyWjcf9-zyO2azKgopZBK62o6r5IsasDXaX9I", "2999-01-01 00:00:00.123456"],
      [key(6), "e30:1r31eq:2J1HCUAyWjcf9-zyO2azKgopZBK62o6r5IsasDXaX9I", "2020-01-01 00:00:00"],
      ["short-key", "e30:1r31eq:2J1HCUAyWjcf9-zyO2azKgopZBK62o6r5IsasDXaX9I", "2999-01-01 00:00:00"],
    ];
    const insert = db.prepare("INSERT INTO other VALUES (?, ?, ?)");
    for (const row of rows) insert.run(...row);
    db.close();
  });
  const run = (...args: string[]): Promise<Ending> =>
    sojourn([...args, "--json"], {
      cwd: folder,
      env: { SECRET_KEY: "new", SECRET_KEY_FALLBACKS: "x,oracle-public-secret-one" },
    });

  it("shows rows of any content, and leaves out those that are over", async () => {
    const { code, stdout } = await run("list", "--django", "sqlite:db.sqlite3", "--table", "other");
    assert.equal(code, 0);
    const shown = stdout.trim().split("\n").map(json);
    assert.deepEqual(
      shown.map(({ state, data, expiresAt }) => [state, data, expiresAt]),
      [
        ["unreadable", null, "2999-01-01T00:00:00.000Z"],
        ["unreadable", null, "2999-01-01T00:00:00.000Z"],
        ["unreadable", null, "2999-01-01T00:00:00.000Z"],
        ["live", {}, null],
        ["live", {}, "2999-01-01T00:00:00.123Z"],
        ["live", {}, "2999-01-01T00:00:00.000Z"],
      ],
    );
    for (const [n, state, exit] of [
      [1, "unreadable", 4],
      [2, "unreadable", 4],
      [5, "live", 0],
      [6, "expired", 3],
    ] as const) {
      const one = await run("inspect", key(n), "--django", "sqlite:db.sqlite3", "--table", "other");
      assert.deepEqual([json(one.stdout)["state"], one.code], [state, exit]);
    }
    const short = await run("inspect", "short-key", "--django", "sqlite:db.sqlite3", "--table", "other");
    assert.equal(json(short.stdout)["state"], "live");
  });

  it("says what is missing or contradicts itself", async () => {
    for (const [args, code] of [
      [["list", "--django", "sqlite:db.sqlite3"], "ERR_CLI_NO_TABLE"],
      [["list", "--django", "sqlite:none.sqlite3"], "ERR_CLI_STORE_MISSING"],
      [["list", "--django", "file:none"], "ERR_CLI_STORE_MISSING"],
      [["list", "--django", "nonsense:x"], "ERR_CLI_OPTION_VALUE"],
      [["list", "--django", "sqlite:db.sqlite3", "--store", "sqlite:db.sqlite3"], "ERR_CLI_ARGUMENTS"],
      [["list", "--table", "other"], "ERR_CLI_ARGUMENTS"],
      [["list", "--legacy"], "ERR_CLI_ARGUMENTS"],
      [["list", "--django", "sqlite:db.sqlite3", "--table", "other", "--time-zone", "Mars/Olympus"], "ERR_CLI_OPTION_VALUE"],
      [["list", "--django", "sqlite:db.sqlite3", "--table", "other", "--cookie-age", "0"], "ERR_CLI_OPTION_VALUE"],
      [["list", "--django", "sqlite:db.sqlite3", "--table", "other", "--after", "a".repeat(48)], "ERR_CLI_OPTION_VALUE"],
      [["inspect", "x", "--django", "sqlite:db.sqlite3", "--table", "other"], "ERR_CLI_NOT_A_SESSION"],
    ] as const) {
      assert.equal(errorOf(await run(...args))["code"], code, args.join(" "));
    }
  });
});
