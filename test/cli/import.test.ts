import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { handleOf, jsonCodec, type SessionId, type Sessions, type SessionStore } from "../../src/index.ts";
import { startMariadb } from "../servers/mariadb.ts";
import { needs } from "../servers/needs.ts";
import { startPostgres } from "../servers/postgres.ts";
import { startRedis } from "../servers/redis.ts";
import { Browser, startSite } from "../django/site.ts";
import { DjangoTables, SECRET, type Visit } from "./_django-table.ts";
import { type Ending, ended, errorOf, json, onTerminal, sojourn, start, whyNoTerminal, workFolder } from "./_program.ts";
import { withSessions } from "./_seed.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const STORE = "sqlite:sessions.db";
const IMPORT = ["import", "--from", "django", "sqlite:db.sqlite3", "--to", STORE] as const;

/** A folder with a site's database and an empty store. */
async function site(to: string = STORE): Promise<{ folder: string; django: DjangoTables }> {
  const folder = workFolder();
  const django = new DjangoTables(folder);
  after(() => django.close());
  if (to === STORE) await sojourn(["migrate", "--store", to], { cwd: folder });
  return { folder, django };
}

function run(folder: string, ...options: string[]): Promise<Ending> {
  return sojourn([...IMPORT, ...options], { cwd: folder, env: { SECRET_KEY: SECRET } });
}

/** The counts of an import that succeeds, without those that are zero. */
async function counts(folder: string, ...options: string[]): Promise<Record<string, unknown>> {
  const ending = await run(folder, "--json", ...options);
  assert.equal(ending.code, 0, ending.stderr);
  const {
    read,
    moved,
    updated,
    already,
    kept,
    conflicting,
    ended: over,
    revoked,
    pruned,
    expired,
    loggedOut,
    unreadable,
  } = json(ending.stdout);
  const all = {
    read,
    moved,
    updated,
    already,
    kept,
    conflicting,
    ended: over,
    revoked,
    pruned,
    expired,
    loggedOut,
    unreadable,
  };
  return Object.fromEntries(Object.entries(all).filter(([, count]) => count !== 0));
}

const opened = <R>(folder: string, work: (sessions: Sessions, store: SessionStore) => Promise<R>): Promise<R> =>
  withSessions(folder, STORE, work);

async function countOf(items: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _item of items) count++;
  return count;
}

const codec = jsonCodec();
const handle = (key: string): ReturnType<typeof handleOf> => handleOf(key as SessionId);

describe("import", () => {
  it("moves every live session under the visitor's own key, with its user, its deadline and its notes", async () => {
    const { folder, django } = await site();
    django.user("7", "pbkdf2$7");
    const leftMs = 5 * DAY_MS;
    const visits: Record<string, Visit> = {
      guest: { data: { cart: [1, { sku: "A" }], note: "é😀" }, leftMs },
      user: { user: "7", data: { theme: "dark", _csrftoken: "token" } },
      message: { data: { _messages: '[["__json_message", 0, 30, "hello", "big"]]', testcookie: "worked" } },
      browser: { data: { _session_expiry: 0, a: 1 } },
      short: { data: { _session_expiry: 600 }, leftMs: 500_000 },
      fixed: { data: { _session_expiry: new Date(Date.now() + DAY_MS).toISOString() }, leftMs: DAY_MS },
      empty: {},
      over: { leftMs: -1 },
    };
    const keys = Object.fromEntries(Object.entries(visits).map(([name, visit]) => [name, django.put(visit)]));
    const key = (name: string): string => keys[name] ?? "";
    const ending = await run(folder);
    assert.equal(ending.code, 0, ending.stderr);
    assert.match(ending.stdout, /^Read 8 rows of sqlite:db\.sqlite3 for sqlite:sessions\.db in [\d.]+ s\.\n/);
    assert.match(ending.stdout, / 7 {2}moved .*\n +1 {2}expired /);
    await opened(folder, async (sessions, store) => {
      const guest = await sessions.find(key("guest"));
      assert.deepEqual(guest?.data, { cart: [1, { sku: "A" }], note: "é😀" });
      assert.ok(Math.abs((guest?.expiresAt.getTime() ?? 0) - Date.now() - leftMs) < HOUR_MS);
      const user = await sessions.find(key("user"));
      assert.deepEqual([user?.userId, user?.data], ["7", { theme: "dark", _csrftoken: "token" }]);
      assert.deepEqual((await sessions.ofUser("7")).length, 1);
      assert.equal(await sessions.find(key("over")), null);
      const notes = async (name: string): Promise<unknown> => {
        const shown = await sojourn(["inspect", key(name), "--store", STORE, "--json"], { cwd: folder });
        return json(shown.stdout)["notes"];
      };
      assert.deepEqual(await notes("message"), { flash: 1, testCookie: true });
      assert.deepEqual(await notes("browser"), { flash: 0, expiry: { seconds: 0 } });
      assert.deepEqual(await notes("short"), { flash: 0, expiry: { seconds: 600 } });
      assert.match(JSON.stringify(await notes("fixed")), /"expiry":\{"at":"/);
      assert.deepEqual(await notes("user"), { flash: 0, boundToCredential: true });
      // Revoking the user ends what was imported.
      assert.equal(await sessions.revokeUser("7"), 1);
      assert.equal((await store.load(handle(key("user")))).status, "retired");
    });
    assert.deepEqual(await counts(folder), { read: 8, already: 6, ended: 1, expired: 1 });
    for (const file of ["sessions.db", "sessions.db-wal"]) {
      const bytes = readFileSync(join(folder, file), { flag: "a+" }).toString("latin1");
      for (const each of Object.values(keys)) assert.ok(!bytes.includes(each), "no key is in the store");
    }
    for (const each of Object.values(keys)) assert.ok(!(ending.stdout + ending.stderr).includes(each));
  });

  it("leaves logins behind that Django would end: another password, no hash, an inactive or deleted user", async () => {
    const { folder, django } = await site();
    django.user("1", "pbkdf2$new");
    django.user("2", "pbkdf2$2", false);
    django.user("4", "pbkdf2$4");
    const [old, inactive, gone, good] = ["1", "2", "3", "4"].map((user) => django.put({ user }));
    const noHash = django.put({ data: { _auth_user_id: "4" } });
    const notANumber = django.put({ user: "no number" });
    assert.deepEqual(await counts(folder), { read: 6, moved: 1, loggedOut: 5 });
    await opened(folder, async (sessions) => {
      for (const key of [old, inactive, gone, noHash, notANumber]) assert.equal(await sessions.find(key ?? ""), null);
      assert.equal((await sessions.find(good ?? ""))?.userId, "4");
    });
    // Nothing is compared where the operator says so.
    const trusting = await site();
    for (const user of ["1", "2", "3"]) trusting.django.put({ user });
    assert.deepEqual(await counts(trusting.folder, "--trust-logins"), { read: 3, moved: 3 });
  });

  it("finds users in a table of another name, without is_active, by UUIDs; and says when there is none", async () => {
    const { folder, django } = await site();
    const id = "0b0e1f2a-1111-4222-8333-444455556666";
    django.sql("CREATE TABLE people (uid char(32) PRIMARY KEY, password text)");
    django.sql(`INSERT INTO people VALUES ('${id.replaceAll("-", "")}', 'pbkdf2$${id}')`);
    django.put({ user: id });
    assert.deepEqual(await counts(folder, "--user-table", "people", "--user-key", "uid"), { read: 1, moved: 1 });
    for (const options of [
      ["--user-table", "nobody"],
      ["--user-table", "people", "--user-key", "nope"],
    ]) {
      const ending = await run(folder, "--json", ...options);
      assert.deepEqual([ending.code, errorOf(ending)["code"]], [5, "ERR_CLI_NO_USERS"]);
    }
  });

  it("says what cannot be moved, by handle and reason, moves the rest, and ends with 4 unless told otherwise", async () => {
    const { folder, django } = await site();
    const good = django.put({ data: { n: 1 } });
    const tampered = django.put({ text: "e30:1r31eq:2J1HCUAyWjcf9-zyO2azKgopZBK62o6r5IsasDXaX9I" });
    const odd = django.put({ key: "a-short-key" });
    const big = django.put({ data: { big: 2n ** 60n } });
    const own = django.put({ data: { _: 1 } });
    const user = django.put({ user: "7" });
    django.sql("DELETE FROM auth_user");
    const ending = await run(folder, "--json");
    assert.equal(ending.code, 4);
    const { moved, unreadable, problems, loggedOut } = json(ending.stdout);
    assert.deepEqual([moved, unreadable, loggedOut], [1, 4, 1]);
    const reasons = new Map((problems as { handle: string; reason: string }[]).map((each) => [each.handle, each.reason]));
    assert.deepEqual(
      [tampered, odd, big, own].map((key) => reasons.get(handle(key))),
      ["tampered", "key", "value", "value"],
    );
    assert.equal((await run(folder, "--skip-unreadable")).code, 0);
    const text = await run(folder);
    assert.equal(text.code, 4);
    assert.match(text.stderr, new RegExp(`unreadable {2}${handle(tampered)} {2}tampered\n`));
    await opened(folder, async (sessions) => assert.deepEqual((await sessions.find(good))?.data, { n: 1 }));
    assert.ok(!(text.stdout + text.stderr).includes(user));
    // A codec that knows larger numbers takes them.
    writeFileSync(
      join(folder, "sojourn.config.mjs"),
      'import { richCodec } from "sojourn/codec/rich";\nexport default { codec: richCodec() };',
    );
    assert.deepEqual(json((await run(folder, "--json", "--skip-unreadable")).stdout)["unreadable"], 3);
  });

  it("run again, takes what Django wrote since, and neither overwrites nor brings back anything", async () => {
    const { folder, django } = await site();
    const names = ["same", "newer", "visited", "written", "both", "loggedOut", "revoked", "django", "changed"] as const;
    for (const id of ["8", "9"]) django.user(id, `pbkdf2$${id}`);
    const users: Record<string, object> = { revoked: { user: "9" }, changed: { user: "8" } };
    const keys = Object.fromEntries(
      names.map((name) => [name, django.put({ data: { name }, ...users[name], leftMs: 13 * DAY_MS })]),
    );
    const key = (name: (typeof names)[number]): string => keys[name] ?? "";
    assert.deepEqual(await counts(folder), { read: 9, moved: 9 });
    await opened(folder, async (sessions, store) => {
      for (const name of ["written", "both"] as const) {
        const found = await store.load(handle(key(name)));
        assert.ok(found.status === "live");
        const saved = { ...found.record, data: codec.encode('{"here":true}', { place: "" }), version: "of-the-application" };
        assert.equal((await store.save(saved, found.record.version)).status, "saved");
      }
      const visited = await store.load(handle(key("visited")));
      assert.ok(visited.status === "live");
      await store.touch(handle(key("visited")), visited.record.version, visited.record.expiresAt + DAY_MS);
      await sessions.revoke(key("loggedOut"));
      await sessions.revokeUser("9");
      // The tombstones are swept: nothing in the store remembers them.
      await store.clearExpired?.({ before: Date.now() + 3_600_000, limit: 1000 });
    });
    const later = 14 * DAY_MS + HOUR_MS;
    django.put({ key: key("newer"), data: { name: "newer", more: 1 }, leftMs: later });
    django.put({ key: key("visited"), data: { name: "visited", more: 1 }, leftMs: later - 2 * DAY_MS });
    django.put({ key: key("both"), data: { name: "both", more: 1 }, leftMs: later });
    const fresh = django.put({ data: { name: "fresh" }, leftMs: later });
    django.remove(key("django"));
    django.user("8", "pbkdf2$new");
    const visit = { read: 9, updated: 2, already: 1, kept: 1, conflicting: 1, ended: 2, moved: 1, loggedOut: 1 };
    const dry = json((await run(folder, "--json", "--dry-run")).stdout);
    assert.deepEqual([dry["updated"], dry["already"], dry["kept"], dry["moved"]], [2, 1, 1, 1]);
    assert.deepEqual(await counts(folder), visit);
    await opened(folder, async (sessions, store) => {
      const data = async (of: string): Promise<unknown> => (await sessions.find(of))?.data;
      assert.deepEqual(await data(key("newer")), { name: "newer", more: 1 });
      assert.deepEqual(await data(key("both")), { here: true });
      assert.deepEqual(await data(fresh), { name: "fresh" });
      assert.deepEqual(await data(key("django")), { name: "django" });
      for (const name of ["loggedOut", "revoked"] as const) assert.equal(await sessions.find(key(name)), null);
      const visited = await store.load(handle(key("visited")));
      assert.ok(
        visited.status === "live" && visited.record.expiresAt > Date.now() + 13.5 * DAY_MS,
        "a visit's deadline stays",
      );
    });
    const pruned = await counts(folder, "--prune");
    assert.deepEqual([pruned["pruned"], pruned["already"], pruned["updated"]], [2, 4, undefined]);
    await opened(folder, async (sessions) => {
      assert.equal(await sessions.find(key("django")), null, "it was ended in Django");
      assert.equal(await sessions.find(key("changed")), null, "its password changed in Django");
      assert.notEqual(await sessions.find(key("visited")), null);
      assert.notEqual(await sessions.find(key("same")), null);
    });
    // Who came back meanwhile keeps the session, whatever Django's sweep did.
    django.sql("DELETE FROM django_session");
    const all = await counts(folder, "--prune");
    assert.deepEqual(all, { pruned: 3 });
    await opened(folder, async (sessions) => assert.notEqual(await sessions.find(key("visited")), null));
  });

  it("killed, goes on where it was: nothing is lost, and nothing done twice", async () => {
    const { folder, django } = await site();
    const keys = django.putMany(3000);
    const child = start([...IMPORT, "--batch", "10"], { cwd: folder, env: { SECRET_KEY: SECRET } });
    child.stderr?.once("data", () => child.kill("SIGKILL"));
    assert.equal((await ended(child)).code, null);
    const files = ["sessions.db", "sessions.db-wal"].map((file) => readFileSync(join(folder, file), "latin1"));
    assert.ok(!keys.some((key) => files.some((bytes) => bytes.includes(key))), "where it was is noted without a key");
    const before = await opened(folder, (sessions) => countOf(sessions.list()));
    assert.ok(before > 0 && before < keys.length, `${before} by then`);
    const report = json((await run(folder, "--json")).stdout);
    assert.deepEqual([report["resumed"], report["complete"], report["read"]], [true, true, keys.length]);
    // Only the batch in which it was killed may have been done in part.
    assert.ok(Number(report["already"]) < 10);
    assert.equal(Number(report["moved"]) + Number(report["already"]), keys.length);
    await opened(folder, async (sessions) => {
      for (const [n, key] of keys.entries()) assert.deepEqual((await sessions.find(key))?.data, { n });
    });
  });

  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    it(`stops between two batches on ${signal}, and the next run goes on`, async () => {
      const { folder, django } = await site();
      django.putMany(3000);
      const lines = start([...IMPORT, "--batch", "10"], { cwd: folder, env: { SECRET_KEY: SECRET } });
      lines.stderr?.once("data", () => lines.kill(signal));
      const ending = await ended(lines);
      assert.equal(ending.code, code);
      assert.match(ending.stdout, /It was stopped; the same command goes on from here\.\n$/);
      const report = json((await run(folder, "--json")).stdout);
      assert.deepEqual([report["resumed"], report["read"], report["moved"]], [true, 3000, 3000]);
    });
  }

  it("two at once: the one that came later goes on, the other says so, and no session is missing", async () => {
    const { folder, django } = await site();
    const keys = django.putMany(4000);
    const first = start([...IMPORT, "--batch", "1"], { cwd: folder, env: { SECRET_KEY: SECRET } });
    const done = ended(first);
    await new Promise((resolve) => first.stderr?.once("data", resolve));
    const second = await run(folder, "--json");
    assert.equal(second.code, 0, second.stderr);
    const { code, stderr } = await done;
    assert.equal(code, 1);
    assert.match(stderr, /ERR_CLI_IMPORT_TAKEN/);
    await opened(folder, async (sessions) => {
      for (const key of keys) assert.notEqual(await sessions.find(key), null);
    });
  });

  it("compares what it stored with what comes back, and stops where that differs", async () => {
    const { folder, django } = await site();
    django.put({ data: { n: 1 } });
    const store = `import { memoryStore } from "sojourn";
    const inner = memoryStore();
    export default {
      ...Object.fromEntries(["create", "save", "touch", "retire"].map((verb) => [verb, (...args) => inner[verb](...args)])),
      name: "bent", reach: "machine", durable: true,
      async load(handle) {
        const found = await inner.load(handle);
        if (found.status !== "live" || handle.startsWith("lock-")) return found;
        return { ...found, record: { ...found.record, data: found.record.data.replace("1", "2") } };
      },
    };`;
    writeFileSync(join(folder, "bent.mjs"), store);
    const ending = await sojourn(
      ["import", "--from", "django", "sqlite:db.sqlite3", "--to", "module:./bent.mjs", "--json"],
      {
        cwd: folder,
        env: { SECRET_KEY: SECRET },
      },
    );
    assert.deepEqual([ending.code, errorOf(ending)["code"]], [1, "ERR_CLI_IMPORT_DIFFERS"]);
  });

  it("changes nothing with --dry-run, and only reads Django's table", async () => {
    const { folder, django } = await site();
    django.putMany(5);
    django.put({ text: "nothing" });
    const before = ["sessions.db", "db.sqlite3"].map((file) => readFileSync(join(folder, file)));
    const ending = await run(folder, "--dry-run");
    assert.equal(ending.code, 4);
    assert.match(ending.stdout, /^Looked at 6 rows [^]* 5 {2}moved [^]* 1 {2}unreadable [^]*Nothing was changed\.\n$/);
    assert.deepEqual(
      ["sessions.db", "db.sqlite3"].map((file) => readFileSync(join(folder, file))),
      before,
    );
    assert.equal((await run(folder, "--skip-unreadable")).code, 0);
    assert.deepEqual(readFileSync(join(folder, "db.sqlite3")), before[1]);
  });

  it("keeps a session as long as Django would, unless absoluteSeconds is shorter, and says so", async () => {
    const { folder, django } = await site();
    const long = django.put({ leftMs: 100 * DAY_MS });
    const old = django.put({ leftMs: HOUR_MS });
    writeFileSync(join(folder, "sojourn.config.mjs"), "export default { idleSeconds: 3600, absoluteSeconds: 86400 };");
    const report = json((await run(folder, "--json", "--cookie-age", String(200 * 86_400))).stdout);
    assert.deepEqual([report["moved"], report["shortened"]], [2, 1]);
    await opened(folder, async (sessions) => {
      for (const key of [long, old]) assert.notEqual(await sessions.find(key), null);
    });
  });

  it("shows a bar that fills on a terminal, and none elsewhere", { skip: whyNoTerminal() ?? false }, async () => {
    const { folder, django } = await site();
    django.putMany(40);
    const env = { NO_COLOR: "1", SECRET_KEY: SECRET };
    const { stdout } = await onTerminal([...IMPORT, "--batch", "10"], { cwd: folder, env });
    const shown = stdout.replaceAll("\r\u001B[K", "CLEAR");
    assert.match(shown, /CLEAR\[={6} {18}\] 10 of 40 read {2}[\d,]+\/sCLEAR\[={12} {12}\] 20 of 40 read/);
    assert.match(shown, /CLEARRead 40 rows [^]* 40 {2}moved /);
    const plain = await run(folder);
    assert.match(plain.stderr, /^40 of 40 read, \d+\/s\n$/);
  });

  it("refuses what it cannot import from or to", async () => {
    const { folder } = await site();
    const base = ["import", "--from", "django"];
    for (const [args, code] of [
      [["import", "sqlite:db.sqlite3"], "ERR_CLI_OPTION_VALUE"],
      [["import", "--from", "rails", "sqlite:db.sqlite3"], "ERR_CLI_OPTION_VALUE"],
      [base, "ERR_CLI_ARGUMENTS"],
      [[...base, "file:sessions", "--to", STORE], "ERR_CLI_OPTION_VALUE"],
      [[...base, "redis://127.0.0.1:1", "--to", STORE], "ERR_CLI_OPTION_VALUE"],
      [[...base, "sqlite:none.db", "--to", STORE], "ERR_CLI_STORE_MISSING"],
      [[...base, "sqlite:db.sqlite3", "--to", "sqlite:none.db"], "ERR_CLI_STORE_MISSING"],
      [[...base, "sqlite:db.sqlite3", "--to", "memory:"], "ERR_CLI_STORE_PRIVATE"],
    ] as const) {
      const ending = await sojourn([...args, "--json"], { cwd: folder, env: { SECRET_KEY: SECRET, SOJOURN_KEYS: "" } });
      assert.equal(errorOf(ending)["code"], code, args.join(" "));
    }
    const secret = await sojourn([...IMPORT, "--json"], { cwd: folder });
    assert.equal(errorOf(secret)["code"], "ERR_CLI_SECRET_KEY");
  });
});

for (const [server, needed] of [
  ["PostgreSQL", "postgres"],
  ["MariaDB", "mariadb"],
] as const) {
  describe(
    `import from a real Django on ${server} to ${server} and Redis`,
    { skip: needs("django", needed, "redis") },
    () => {
      it("moves the sessions of visitors and users, and leaves a changed password behind", async () => {
        const folder = workFolder();
        await using redis = await startRedis();
        await using database = needed === "postgres" ? await startPostgres() : await startMariadb();
        const url =
          needed === "postgres"
            ? (database as { url: string }).url
            : `mysql://${database.user}:sojourn@127.0.0.1:${database.port}/sojourn`;
        const name = needed === "postgres" ? "postgres" : "sojourn";
        const ENGINE = `django.db.backends.${needed === "postgres" ? "postgresql" : "mysql"}`;
        const login = { NAME: name, USER: database.user, PASSWORD: "sojourn", HOST: "127.0.0.1", PORT: database.port };
        const django = await startSite({ secretKey: SECRET, engine: "db", database: { ENGINE, ...login } });
        const browsers = { guest: new Browser(), ada: new Browser(), eve: new Browser(), odd: new Browser() };
        await django.ask(browsers.guest, "/put", { data: '{"cart": ["x"]}' });
        await django.ask(browsers.odd, "/put", { data: '{"_auth_user_id": "no number"}' });
        for (const user of ["ada", "eve"] as const) {
          const query = { user, password: "first" };
          await django.ask(browsers[user], "/user", query);
          await django.ask(browsers[user], "/login", query);
        }
        await django.ask(new Browser(), "/password", { user: "eve", password: "second" });
        await django.stop();
        for (const to of [url, redis.url]) {
          await sojourn(["migrate", "--store", to], { cwd: folder });
          const args = ["import", "--from", "django", url, "--to", to, "--json", "--batch", "2"];
          const first = await sojourn(args, { cwd: folder, env: { SECRET_KEY: SECRET } });
          assert.equal(first.code, 0, first.stderr);
          const { moved, loggedOut, read } = json(first.stdout);
          assert.deepEqual([read, moved, loggedOut], [4, 2, 2]);
          const again = json((await sojourn(args, { cwd: folder, env: { SECRET_KEY: SECRET } })).stdout);
          assert.equal(again["already"], 2);
          const shown = await sojourn(["inspect", browsers.guest.session ?? "", "--store", to, "--json"], { cwd: folder });
          assert.deepEqual(json(shown.stdout)["data"], { cart: ["x"] });
        }
      });
    },
  );
}
