import { SessionError } from "../../core/errors.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { SessionRecord } from "../../core/record.ts";
import type { ClearBatch, ListPage, SessionStore } from "../../core/store.ts";
import type { LocalZone } from "../zone.ts";
import { djangoRecord } from "./record.ts";
import type { DjangoDatabase, Row } from "./sql.ts";

/** What the database engine works with. */
export interface DatabaseEngineOptions {
  readonly database: DjangoDatabase;
  /** The table's name, quoted as the database wants it. */
  readonly table: string;
  readonly zone: LocalZone;
}

/**
 * `django.contrib.sessions.backends.db`: the table `django_session` as it is. A save compares the row's text with what was read; of a
 * session that is over nothing is left, as in Django.
 */
export function databaseEngine({ database, table, zone }: DatabaseEngineOptions): SessionStore {
  const { dialect } = database;
  const at = (row: Row): number => dialect.readDate(row[1], zone);
  const find = async (handle: SessionHandle): Promise<SessionRecord | undefined> => {
    const [row] = await database.read(dialect.load(table), [handle]);
    return row === undefined ? undefined : recordOf(handle, row, at(row));
  };
  return {
    name: "django db",
    reach: database.reach,
    durable: true,
    async load(handle) {
      const record = await find(handle);
      return record === undefined ? { status: "missing" } : { status: "live", record };
    },
    async create({ handle, data, expiresAt }) {
      const values = [handle, data, dialect.writeDate(expiresAt, zone)];
      return { status: (await database.write(dialect.create(table), values)) > 0 ? "created" : "exists" };
    },
    async save({ handle, data, expiresAt }, expectedVersion) {
      const values = [data, dialect.writeDate(expiresAt, zone), handle, expectedVersion];
      if ((await database.write(dialect.save(table), values)) > 0) return { status: "saved" };
      const record = await find(handle);
      return record === undefined ? { status: "missing" } : { status: "conflict", record };
    },
    async touch(handle, version, expiresAt) {
      const record = await find(handle);
      if (record?.version !== version) return { status: "stale" };
      if (record.expiresAt >= expiresAt) return { status: "touched" };
      const values = [version, dialect.writeDate(expiresAt, zone), handle, version];
      return { status: (await database.write(dialect.save(table), values)) > 0 ? "touched" : "stale" };
    },
    async retire(handle, tombstone, expectedVersion) {
      const ended =
        expectedVersion === undefined
          ? await database.write(dialect.remove(table), [handle])
          : await database.write(dialect.removeVersion(table), [handle, expectedVersion]);
      if (ended > 0) return { status: "retired", tombstone };
      const record = expectedVersion === undefined ? undefined : await find(handle);
      return record === undefined ? { status: "missing" } : { status: "conflict", record };
    },
    async list({ after = "" as SessionHandle, limit }: ListPage) {
      const rows = await database.read(dialect.list(table, limit), [after]);
      return rows.map((row) => recordOf(text(row[2]) as SessionHandle, row, at(row)));
    },
    async clearExpired({ before, limit }: ClearBatch) {
      return database.write(dialect.sweep(table, limit), [dialect.writeDate(before, zone)]);
    },
    close: () => database.close(),
  };
}

function recordOf(handle: SessionHandle, row: Row, expiresAt: number): SessionRecord {
  if (!Number.isFinite(expiresAt)) throw new SessionError("ERR_SESSION_UNREADABLE", "The row's expire_date is no date");
  return djangoRecord(handle, text(row[0]), expiresAt);
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new SessionError("ERR_SESSION_UNREADABLE", "The row's session_data is no text");
  return value;
}
