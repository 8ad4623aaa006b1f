// Compares the store with the same statements by hand: `node test/stores/sqlite/measure.ts` prints microseconds per call and the ratio
// raw / store (1 is free). Rows: 20,000 of 300 bytes of data in a file, WAL, synchronous=NORMAL; best of 9 rounds of 5,000 calls.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { handleOf, newSessionId, type SessionHandle } from "../../../src/core/id.ts";
import type { SessionRecord } from "../../../src/core/record.ts";
import { sqliteStore } from "../../../src/stores/sqlite.ts";
import { driversHere, type Driver } from "./drivers.ts";

const ROWS = 20_000;
const CALLS = 5_000;
const VERSION = "versionversion16";

function measure(driver: Driver): void {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-measure-"));
  const database = driver.open(join(folder, "s.db"));
  database.exec("PRAGMA journal_mode = WAL");
  const store = sqliteStore({ database, synchronous: "normal", closeDatabase: true });
  const now = Date.now();
  const data = "x".repeat(300);
  const record = (handle: SessionHandle, expiresAt: number, userId: string): SessionRecord => ({
    ...{ handle, data, version: VERSION, createdAt: now, expiresAt, userId, epoch: 0 },
  });
  const handles = Array.from({ length: ROWS }, () => handleOf(newSessionId()));
  void store.load(handles[0] as SessionHandle);
  database.exec("BEGIN");
  const insert = database.prepare(
    "INSERT INTO sojourn_sessions (session_handle, session_version, created_at, expires_at, user_id, user_epoch, sweep_at, session_data) VALUES (?,?,?,?,?,0,?,?)",
  );
  for (const [index, handle] of handles.entries())
    insert.run(handle, VERSION, now, now + 1000, `user ${index}`, now + 1000, data);
  database.exec("COMMIT");
  const load = database.prepare(
    "SELECT session_data, session_version, created_at, expires_at, user_id, user_epoch, retired_reason, (SELECT u.user_epoch FROM sojourn_sessions_users u WHERE u.user_id = s.user_id) AS epoch FROM sojourn_sessions s WHERE session_handle = ?",
  );
  const save = database.prepare(
    "UPDATE sojourn_sessions SET session_data = ?, session_version = ?, expires_at = ? WHERE session_handle = ? AND session_version = ?",
  );
  const touch = database.prepare(
    "UPDATE sojourn_sessions SET expires_at = ? WHERE session_handle = ? AND session_version = ? AND expires_at < ?",
  );
  let expires = now + 10_000;
  const order = Array.from({ length: CALLS }, () => Math.floor(Math.random() * ROWS));
  const contenders: Record<string, (handle: SessionHandle, index: number) => unknown> = {
    "raw load": (handle) => load.get(handle),
    "store load": (handle) => store.load(handle),
    "raw save": (handle) => save.run(data, VERSION, (expires += 5), handle, VERSION),
    "store save": (handle, index) => store.save(record(handle, (expires += 5), `user ${index}`), VERSION),
    "raw touch": (handle) => touch.run((expires += 5), handle, VERSION, expires),
    "store touch": (handle) => store.touch(handle, VERSION, (expires += 5)),
  };
  const best: Record<string, number> = {};
  for (let round = 0; round < 9; round++) {
    for (const [name, call] of Object.entries(contenders)) {
      const start = process.hrtime.bigint();
      for (const index of order) call(handles[index] as SessionHandle, index);
      const each = Number(process.hrtime.bigint() - start) / CALLS / 1000;
      best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, each);
    }
  }
  const line = ["load", "save", "touch"].map((verb) => {
    const raw = best[`raw ${verb}`] ?? 0;
    const ours = best[`store ${verb}`] ?? 0;
    return `${verb} ${raw.toFixed(2)} / ${ours.toFixed(2)} µs = ${(raw / ours).toFixed(2)}`;
  });
  console.log(`${driver.name.padEnd(15)} ${line.join("   ")}`);
  store.close();
  rmSync(folder, { recursive: true });
}

for (const driver of await driversHere()) measure(driver);
