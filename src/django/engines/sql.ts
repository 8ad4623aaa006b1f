import { createHash } from "node:crypto";
import { SessionError } from "../../core/errors.ts";
import type { StoreReach } from "../../core/store.ts";
import type { SqlDriver } from "../../stores/sql/driver.ts";
import type { Trouble } from "../../stores/sql/failures.ts";
import type { LocalZone } from "../zone.ts";

/** The values of a row, in the order of its columns. */
export type Row = readonly unknown[];

/** A value that is bound to a statement. */
export type Bound = string | number;

/** One database's way to write the statements on `django_session`, which take their values in the order of the words in the name. */
export interface DjangoDialect {
  /** Gives data and date by key. */
  load(table: string): string;
  /** Key, data, date. */
  create(table: string): string;
  /** Data, date, key, the data that is there. */
  save(table: string): string;
  remove(table: string): string;
  /** Key, the data that is there. */
  removeVersion(table: string): string;
  /** Gives data, date and key of what comes after a key. */
  list(table: string, limit: number): string;
  /** What ended at or before a date. */
  sweep(table: string, limit: number): string;
  /** A moment as the column has it. */
  writeDate(at: number, zone: LocalZone): string;
  /** The moment in a column, in milliseconds since 1970; NaN for what is none. */
  readDate(value: unknown, zone: LocalZone): number;
}

/** A database with Django's table. */
export interface DjangoDatabase {
  readonly dialect: DjangoDialect;
  readonly reach: StoreReach;
  read(sql: string, values: readonly Bound[]): Promise<readonly Row[]>;
  /** Gives how many rows were changed; 0 for a key that is taken. */
  write(sql: string, values: readonly Bound[]): Promise<number>;
  close(): Promise<void>;
}

const EPOCH = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(\.\d{1,6})?)?$/;

/** A date and time without a zone, in milliseconds as if it were UTC. */
export function readLocal(value: unknown): number {
  const parts = typeof value === "string" ? EPOCH.exec(value) : null;
  if (parts === null) return Number.NaN;
  const [, year, month, day, hour, minute, second = "0", fraction = "0"] = parts;
  const whole = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  return whole + Number(fraction) * 1000;
}

/** The same as text, as Django writes it: without a fraction when that is zero. */
export function writeLocal(local: number): string {
  const [date = "", time = ""] = new Date(local).toISOString().slice(0, -1).split("T");
  const [clock = "", fraction = "000"] = time.split(".");
  return `${date} ${clock}${fraction === "000" ? "" : `.${fraction}000`}`;
}

/** What is the same in SQLite, PostgreSQL and MySQL, but for the placeholders. */
export function statements(
  place: (index: number) => string,
  same: (column: string, index: number) => string,
): Pick<DjangoDialect, "save" | "remove" | "removeVersion"> {
  const key = (index: number): string => same("session_key", index);
  const data = (index: number): string => same("session_data", index);
  return {
    save: (table) =>
      `UPDATE ${table} SET session_data = ${place(1)}, expire_date = ${place(2)} WHERE ${key(3)} AND ${data(4)}`,
    remove: (table) => `DELETE FROM ${table} WHERE ${key(1)}`,
    removeVersion: (table) => `DELETE FROM ${table} WHERE ${key(1)} AND ${data(2)}`,
  };
}

/** A database over one of the network drivers. */
export function networkDatabase(
  driver: SqlDriver,
  dialect: DjangoDialect,
  troubleOf: (error: unknown) => Trouble | undefined,
): DjangoDatabase {
  // One name for one text: other sessions may be on the same connections.
  const names = new Map<string, string>();
  const named = (sql: string): string => {
    const known = names.get(sql) ?? `sojourn_${createHash("sha256").update(sql).digest("hex").slice(0, 24)}`;
    names.set(sql, known);
    return known;
  };
  const query = async (sql: string, values: readonly Bound[]) => {
    try {
      return await driver.query({ name: named(sql), text: sql, columns: [] }, values);
    } catch (error) {
      const trouble = troubleOf(error);
      if (trouble?.applied !== "no") throw error;
      if (trouble.kind === "duplicate") return { rows: [], affected: 0 };
      const what =
        trouble.kind === "no table" ? "There is no table of Django's sessions; run its migrations" : "The database failed";
      throw new SessionError("ERR_SESSION_STORE", what, { cause: error, applied: "no" });
    }
  };
  return {
    dialect,
    reach: "network",
    read: async (sql, values) => (await query(sql, values)).rows,
    write: async (sql, values) => (await query(sql, values)).affected,
    close: () => driver.close(),
  };
}
