import { createRequire } from "node:module";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { SqliteDialect, type Dialect, type SqliteDatabase } from "kysely";
import { openedByKysely, type OpenSql } from "../sql/targets.ts";

const require = createRequire(import.meta.url);

// Neither brings types that Kysely's own would agree with.
type Opener = new (path: string) => SqliteDatabase;
const BetterSqlite = require("better-sqlite3") as Opener;
const Libsql = require("libsql") as Opener;

/** `node:sqlite` in the shape that Kysely's dialect takes. */
export function nodeSqlite(path: string): SqliteDatabase {
  const database = new DatabaseSync(path, { timeout: 5000 });
  return {
    close: () => database.close(),
    prepare(sql) {
      const statement = database.prepare(sql);
      const bound = (parameters: readonly unknown[]) => parameters as SQLInputValue[];
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...bound(parameters)),
        run: (parameters) => statement.run(...bound(parameters)),
        iterate: (parameters) => statement.iterate(...bound(parameters)),
      };
    },
  };
}

/** What a test asks of a database: processes that do not wait for each other to read, and no waiting for the disk. */
function opening(open: (path: string) => SqliteDatabase): (path: string) => SqliteDatabase {
  return (path) => {
    const database = open(path);
    database.prepare("PRAGMA journal_mode = WAL").all([]);
    database.prepare("PRAGMA synchronous = OFF").run([]);
    return database;
  };
}

/** Each driver of SQLite that Kysely's own dialect takes, and how it opens a file. */
export const sqliteDatabases: Readonly<Record<string, (path: string) => SqliteDatabase>> = {
  "better-sqlite3": opening((path) => new BetterSqlite(path)),
  libsql: opening((path) => new Libsql(path)),
  "node:sqlite": opening(nodeSqlite),
};

export function sqliteDialect(driver: string, path: string): Dialect {
  const open = sqliteDatabases[driver];
  if (open === undefined) throw new Error(`There is no driver ${driver}`);
  return new SqliteDialect({ database: open(path) });
}

/** A store over Kysely and a driver of SQLite, for a path in place of a URL. */
export function openKyselySqlite(driver: string): OpenSql {
  return (path, table) => openedByKysely(sqliteDialect(driver, path), "sqlite", table);
}

/** The same by name, as the tests with several processes ask for it. */
export const kyselySqliteDrivers: Readonly<Record<string, OpenSql>> = Object.fromEntries(
  Object.keys(sqliteDatabases).map((driver) => [`kysely over ${driver}`, openKyselySqlite(driver)]),
);
