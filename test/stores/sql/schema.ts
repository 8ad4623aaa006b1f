import assert from "node:assert/strict";
import { test } from "node:test";
import { isSessionError } from "../../../src/core/errors.ts";
import type { SessionStore } from "../../../src/core/store.ts";
import { sweep } from "../../../src/testing/rules/support.ts";
import { world } from "../../core/support.ts";
import { HOUR, next, NOW, record, refused, tombstone } from "../sqlite/support.ts";
import type { Lab } from "./lab.ts";
import { newTable } from "./targets.ts";

/** What holds of tables, names, values and costs, whatever the driver. */
export function tableTests(lab: () => Lab, drivers: readonly string[]): void {
  const open = (driver: string, table: string, user?: string) =>
    lab().drivers[driver]?.(lab().url(undefined, user), table) ?? assert.fail();

  for (const driver of drivers) {
    test(`${driver}: any name of a table is quoted, and two tables on one server are apart`, async (t) => {
      const session = record({ userId: "u" });
      for (const table of ['we"ird', "we`ird", "it's; DROP TABLE x; --", ":handle {sessions} $1", "Ünï 表", "a.b", "%s\\"]) {
        const { store, end } = open(driver, table);
        t.after(end);
        assert.deepEqual(await store.create(session), { status: "created" }, table);
        assert.deepEqual(await store.users.sessionsOf("u"), [session], table);
        assert.equal((await store.rotate(session.handle, session.version, record(), tombstone())).status, "rotated", table);
      }
    });

    test(`${driver}: migrate says what it would do, does it once, and leaves a newer or a foreign table alone`, async (t) => {
      const [table, other, foreign] = [newTable(), newTable(), newTable()];
      const { store, end } = open(driver, table);
      t.after(end);
      const { statements } = await store.migrate({ dryRun: true });
      assert.ok(statements.length > 3);
      assert.deepEqual(await store.migrate(), { statements });
      assert.deepEqual(await store.migrate(), { statements: [] });
      const newer = open(driver, other);
      t.after(newer.end);
      await newer.store.migrate();
      await lab().admin(`UPDATE ${other}_schema SET version = 7`);
      const again = open(driver, other);
      t.after(again.end);
      assert.match((await refused(() => again.store.load(record().handle), "ERR_SESSION_CONFIG")).message, /version 7/);
      await lab().admin(`CREATE TABLE ${foreign} (a INT)`);
      const stranger = open(driver, foreign);
      t.after(stranger.end);
      assert.match(
        (await refused(() => stranger.store.load(record().handle), "ERR_SESSION_CONFIG")).message,
        /not sojourn's/,
      );
    });

    test(`${driver}: text that a database does not give back is refused, as are keys beyond 255 characters`, async (t) => {
      const { store, end } = open(driver, newTable());
      t.after(end);
      for (const fields of [
        { data: "a\0" },
        { data: "\ud800" },
        { userId: "u\0" },
        { userId: "u".repeat(256) },
        { version: "\udc00" },
      ]) {
        await refused(() => store.create(record(fields)), "ERR_SESSION_DATA");
      }
      await refused(() => store.create(record({ expiresAt: Number.NaN })), "ERR_SESSION_USAGE");
    });

    test(`${driver}: a closed store refuses every call, and leaves the client open`, async (t) => {
      const { store, end } = open(driver, newTable());
      t.after(end);
      await store.close();
      await store.close();
      await refused(() => store.load(record().handle), "ERR_SESSION_USAGE");
      await refused(() => store.migrate(), "ERR_SESSION_USAGE");
    });

    test(`${driver}: ten thousand expired rows go in batches, two machines at once, and what is live stays`, async (t) => {
      const table = newTable();
      const [first, second] = [open(driver, table), open(driver, table)];
      t.after(first.end);
      t.after(second.end);
      const live = record();
      await first.store.create(live);
      await fill(lab(), table, 10_000);
      const sweepAll = async (store: typeof first.store): Promise<number> =>
        (await sweep(store, NOW, 1000)).reduce((sum, removed) => sum + removed, 0);
      const removed = await Promise.all([sweepAll(first.store), sweepAll(second.store)]);
      assert.equal(removed[0] + removed[1] + (await sweepAll(first.store)), 10_000);
      assert.deepEqual(await first.store.list({ limit: 10 }), [live]);
    });

    test(`${driver}: a batch of a sweep looks at no more rows than its limit, however many were renewed`, async (t) => {
      const { store, end } = open(driver, newTable());
      t.after(end);
      for (let index = 0; index < 40; index++) {
        const session = record({ expiresAt: NOW - 2 });
        await store.create(session);
        if (index < 30) await store.touch(session.handle, session.version, NOW + HOUR);
        else await store.save(next(session, { expiresAt: NOW - 1 }), session.version);
      }
      const over = record({ expiresAt: NOW - 1 });
      await store.create(over);
      const outcomes: unknown[] = [];
      for (;;) {
        const outcome = await store.clearExpired({ before: NOW, limit: 10 });
        outcomes.push(outcome);
        if (typeof outcome === "number" && outcome < 10) break;
      }
      const removed = outcomes.map((each) => (typeof each === "number" ? each : (each as { removed: number }).removed));
      assert.equal(
        removed.reduce((sum, each) => sum + each, 0),
        11,
      );
      assert.ok(outcomes.length >= 4, `${outcomes.length} batches of 10 for 41 rows`);
      assert.equal((await store.list({ limit: 100 })).length, 30);
    });

    test(`${driver}: the cost of each request, in statements`, async (t) => {
      const { store, end } = open(driver, newTable());
      t.after(end);
      await store.load(record().handle);
      const { request } = world({ store: store as SessionStore });
      const bump = (session: { update(fn: (visit: { count?: number }) => unknown): unknown }): unknown =>
        session.update((visit) => (visit.count = (visit.count ?? 0) + 1));
      const cost = async (what: string, most: number, options: Parameters<typeof request>[0]) => {
        const before = await statementsSoFar(lab());
        const reply = await request(options);
        const spent = (await statementsSoFar(lab())) - before;
        assert.ok(spent <= most, `${what}: ${spent} statements`);
        return reply;
      };
      await cost("not asked for", 0, {});
      const { cookie } = await cost("a new visitor's first write", 1, { handle: bump });
      await cost("a read that confirms the first cookie", 2, { cookie, handle: (session) => session.load() });
      await cost("a read", 1, { cookie, handle: (session) => session.load() });
      await cost("a read and a change", 2, { cookie, handle: bump });
      const login = await cost("a login", 3, { cookie, handle: (session) => session.login("u") });
      await cost("a read that confirms the cookie of a login", 2, {
        cookie: login.cookie,
        handle: (session) => session.load(),
      });
      await cost("a read of a user's session", 1, { cookie: login.cookie, handle: (session) => session.load() });
      await cost("a logout", 1, { cookie: login.cookie, handle: (session) => session.logout() });
    });
  }

  test("writes that are undone because of others are made again, at every level of isolation", async (t) => {
    for (const user of ["strict", "loose"]) {
      const table = newTable();
      const { store, end } = open(drivers[0] ?? "", table, user);
      t.after(end);
      const counter = record({ data: "0" });
      await store.create(counter);
      let refusedWrites = 0;
      const add = async (): Promise<void> => {
        for (let done = 0; done < 10;) {
          const found = await store.load(counter.handle);
          assert.ok(found.status === "live");
          try {
            const changed = next(found.record, { data: String(Number(found.record.data) + 1) });
            if ((await store.save(changed, found.record.version)).status === "saved") done += 1;
          } catch (error) {
            // Under so many at once a write may be undone more often than the store tries.
            if (!isSessionError(error, "ERR_SESSION_STORE") || error.applied !== "no") throw error;
            refusedWrites += 1;
          }
        }
      };
      await Promise.all(Array.from({ length: 6 }, add));
      const found = await store.load(counter.handle);
      assert.equal(found.status === "live" && found.record.data, "60", user);
      const sessions = await Promise.all(
        Array.from({ length: 20 }, async () => {
          const session = record({ userId: "u" });
          await store.create(session);
          return session;
        }),
      );
      const rotated = await Promise.all(
        sessions.map((session) => store.rotate(session.handle, session.version, record({ userId: "u" }), tombstone())),
      );
      assert.ok(
        rotated.every(({ status }) => status === "rotated"),
        user,
      );
      assert.equal((await store.users.sessionsOf("u")).length, 20);
      t.diagnostic(`${user}: ${refusedWrites} writes were refused`);
    }
  });
}

/** Puts expired rows into a table. */
async function fill(lab: Lab, table: string, rows: number): Promise<void> {
  const columns = "session_handle, session_version, created_at, expires_at, user_epoch, sweep_at, session_data, user_id";
  const [series, digest] =
    lab.engine === "postgres"
      ? [`generate_series(1, ${rows}) AS g(seq)`, "lpad(seq::text, 48, '0')"]
      : [`seq_1_to_${rows}`, "LPAD(seq, 48, '0')"];
  const user = lab.engine === "postgres" ? "'user' || (seq % 1000)" : "CONCAT('user', seq % 1000)";
  await lab.admin(
    `INSERT INTO ${table} (${columns}) SELECT ${digest}, 'v', 0, ${NOW - HOUR} + seq, 0, ${NOW - HOUR} + seq, '{}', ${user} FROM ${series}`,
  );
  await lab.admin(`ANALYZE ${lab.engine === "postgres" ? "" : "TABLE "}${table}`);
}

export { fill };

/** How many statements the server has run for stores. */
export async function statementsSoFar(lab: Lab): Promise<number> {
  if (lab.engine === "postgres") {
    const [row] = await lab.admin(
      "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query LIKE '%session_handle%' OR query LIKE '%user_epoch%'",
    );
    return Number(row?.[0]);
  }
  const rows = await lab.admin(
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_select', 'Com_insert', 'Com_insert_select', 'Com_update', 'Com_delete')",
  );
  return rows.reduce((sum, [, count]) => sum + Number(count), 0);
}
