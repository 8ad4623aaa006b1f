import { systemClock, type Clock } from "../../core/clock.ts";
import { SessionError } from "../../core/errors.ts";
import type { SqliteDatabaseLike } from "./driver.ts";
import { DEFAULT_TABLE } from "./names.ts";

/** Options of `sqliteStore`. */
export interface SqliteStoreOptions {
  /** The database's file, made when it is not there; its folder must be. `:memory:` for none. Default `sessions.db`. */
  readonly path?: string;
  /**
   * An open database instead of `path`, best one that nothing else uses. Its pragmas are left as they are, but for what is asked
   * for here: put it in WAL mode, and keep its busy timeout short, as SQLite's waiting holds up the whole process.
   */
  readonly database?: SqliteDatabaseLike;
  /** Whether closing the store closes the database. Default true with `path`, false with `database`. */
  readonly closeDatabase?: boolean;
  /** The table of sessions; the names of what belongs to it begin with it too. Default `sojourn_sessions`. */
  readonly table?: string;
  /** How long a call waits, without blocking the process, for a lock that another process holds, in milliseconds. Default 5000. */
  readonly busyTimeoutMs?: number;
  /**
   * `normal`: what was stored survives the end of the process, `kill -9` included; a power cut or a crash of the system may take
   * the last moments with it, and never damages the database. `full`: it survives those too, at the cost of a disk flush for each
   * write. Default `normal` with `path`; with `database`, whatever that has.
   */
  readonly synchronous?: "normal" | "full";
  /** The time that waiting goes by. Default: the machine's own. */
  readonly clock?: Clock;
}

/** Options with every default in place. */
export interface ResolvedSqliteOptions {
  readonly path: string;
  readonly database: SqliteDatabaseLike | undefined;
  readonly closeDatabase: boolean;
  readonly table: string;
  readonly busyTimeoutMs: number;
  readonly synchronous: "normal" | "full" | undefined;
  readonly clock: Clock;
}

const NAMES: readonly string[] = [
  "path",
  "database",
  "closeDatabase",
  "table",
  "busyTimeoutMs",
  "synchronous",
  "clock",
] satisfies (keyof SqliteStoreOptions)[];

/** @throws {SessionError} `ERR_SESSION_CONFIG` */
export function resolveSqliteOptions(given: string | SqliteStoreOptions): ResolvedSqliteOptions {
  const options: SqliteStoreOptions = typeof given === "string" ? { path: given } : given;
  check(typeof options === "object" && options !== null, "takes a path or an object of options");
  for (const name of Object.keys(options)) check(NAMES.includes(name), `has no option \`${name}\``);
  const { path, database, busyTimeoutMs = 5000, synchronous, closeDatabase, clock = systemClock } = options;
  check(path === undefined || database === undefined, "takes `path` or `database`, not both");
  check(path === undefined || (typeof path === "string" && path !== ""), "`path` must be the name of a file, or `:memory:`");
  check(path === undefined || !path.includes("\0"), "`path` must not hold a NUL");
  check(
    path === undefined || !/^file:/i.test(path),
    "`path` is not a URL; open the database yourself and pass it as `database`",
  );
  check(
    database === undefined || isDatabase(database),
    "`database` must be an open database with `prepare`, `exec` and `close`",
  );
  check(Number.isFinite(busyTimeoutMs) && busyTimeoutMs >= 0, "`busyTimeoutMs` must be a number of milliseconds, 0 or more");
  check(
    synchronous === undefined || synchronous === "normal" || synchronous === "full",
    '`synchronous` is "normal" or "full"',
  );
  check(closeDatabase === undefined || typeof closeDatabase === "boolean", "`closeDatabase` is true or false");
  check(typeof clock?.now === "function" && typeof clock.sleep === "function", "`clock` must have `now` and `sleep`");
  const own = database === undefined;
  return Object.freeze({
    path: path ?? "sessions.db",
    database,
    closeDatabase: closeDatabase ?? own,
    table: options.table ?? DEFAULT_TABLE,
    busyTimeoutMs,
    synchronous: synchronous ?? (own ? "normal" : undefined),
    clock,
  });
}

function isDatabase(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return ["prepare", "exec", "close"].every((name) => typeof Reflect.get(value, name) === "function");
}

function check(holds: boolean, problem: string): void {
  if (!holds) throw new SessionError("ERR_SESSION_CONFIG", `sqliteStore: ${problem}`);
}
