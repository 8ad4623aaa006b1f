import { resolve } from "node:path";
import { SessionError } from "../../core/errors.ts";
import { mysqlDialect, postgresDialect } from "../../django/engines/dialects.ts";
import { openDjangoDatabase, quoted } from "../../django/engines/open.ts";
import { type DjangoDatabase, networkDatabase, type Row } from "../../django/engines/sql.ts";
import type { LocalZone } from "../../django/zone.ts";
import { mysqlDriverFromUrl } from "../../stores/mysql/from-url.ts";
import { postgresDriverFromUrl } from "../../stores/postgres/from-url.ts";
import { mysqlTrouble } from "../../stores/sql/dialects/mysql/failures.ts";
import { postgresTrouble } from "../../stores/sql/dialects/postgres/failures.ts";
import type { Context } from "../context.ts";
import { CliError } from "../errors.ts";
import { peekDatabase, requirePresence } from "../peek.ts";
import { parseStoreUrl, shownUrl } from "../store-url.ts";
import type { DjangoSettings } from "./options.ts";

/** One of Django's sessions, as it is stored. */
export interface DjangoRow {
  /** The session key: what the visitor's cookie holds. */
  readonly key: string;
  /** `session_data`; null for what is no text. */
  readonly data: string | null;
  /** Milliseconds since 1970-01-01T00:00:00Z; NaN where it cannot be read, or is not known. */
  readonly expiresAt: number;
}

/** A project's database, opened for looking. */
export interface OpenedDatabase {
  readonly database: DjangoDatabase;
  /** A name of a table as its SQL has it. */
  quote(name: string): string;
  /** What stands in its SQL for a first value. */
  readonly place: string;
}

/** Opens the database of a URL, or gives undefined for a URL of something else. Nothing can be written through it. */
function openDatabase(ctx: Context, url: string): OpenedDatabase | undefined {
  const { scheme, rest } = parseStoreUrl(url);
  if (scheme === "sqlite") {
    requirePresence(url, ctx.cwd);
    const sqlite = peekDatabase(resolve(ctx.cwd, rest));
    if (sqlite === undefined) throw new SessionError("ERR_SESSION_CONFIG", "This runtime has no `node:sqlite`");
    // Django may be writing.
    sqlite.exec("PRAGMA busy_timeout = 5000");
    const database = { ...openDjangoDatabase({ sqlite }), close: async () => sqlite.close() };
    return { database, quote: (name) => quoted(name, '"'), place: "?" };
  }
  if (scheme === "postgres" || scheme === "postgresql") {
    const database = networkDatabase(postgresDriverFromUrl(url), postgresDialect, postgresTrouble);
    return { database, quote: (name) => quoted(name, '"'), place: "$1" };
  }
  if (scheme !== "mysql" && scheme !== "mariadb") return undefined;
  const database = networkDatabase(mysqlDriverFromUrl(url), mysqlDialect, mysqlTrouble);
  return { database, quote: (name) => quoted(name, "`"), place: "?" };
}

/** Django's table of sessions, read row by row, whatever is in it. */
export class DjangoTable {
  readonly opened: OpenedDatabase;
  readonly #name: string;
  readonly #zone: LocalZone;

  private constructor(opened: OpenedDatabase, { table, zone }: DjangoSettings) {
    this.opened = opened;
    this.#name = opened.quote(table);
    this.#zone = zone;
  }

  /** Undefined for a URL that names no database. @throws {CliError} ERR_CLI_STORE_MISSING, ERR_CLI_NO_TABLE */
  static async open(ctx: Context, settings: DjangoSettings): Promise<DjangoTable | undefined> {
    const opened = openDatabase(ctx, settings.url);
    if (opened === undefined) return undefined;
    const table = new DjangoTable(opened, settings);
    try {
      await table.after("", 0);
      return table;
    } catch (error) {
      await table.close();
      throw isNoTable(error) ? noTable(settings) : error;
    }
  }

  /** How many rows there are, expired ones included. */
  async count(): Promise<number> {
    const [row] = await this.opened.database.read(`SELECT COUNT(*) FROM ${this.#name}`, []);
    return Number(row?.[0]);
  }

  async find(key: string): Promise<DjangoRow | undefined> {
    const { read, dialect } = this.opened.database;
    const [row] = await read(dialect.load(this.#name), [key]);
    return row === undefined ? undefined : this.#row(key, row);
  }

  /** The rows behind a key, in the order of their keys, at most `limit`. */
  async after(key: string, limit: number): Promise<readonly DjangoRow[]> {
    const { read, dialect } = this.opened.database;
    const rows = await read(dialect.list(this.#name, limit), [key]);
    return rows.map((row) => this.#row(keyOf(row[2]), row));
  }

  close(): Promise<void> {
    return this.opened.database.close();
  }

  #row(key: string, row: Row): DjangoRow {
    const [data, date] = row;
    const expiresAt = this.opened.database.dialect.readDate(date, this.#zone);
    return { key, data: typeof data === "string" ? data : null, expiresAt };
  }
}

function keyOf(value: unknown): string {
  if (typeof value === "string") return value;
  throw new SessionError("ERR_SESSION_UNREADABLE", "A row's session_key is no text");
}

/** True for an error that says that a table is not there. */
export function isNoTable(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  const kinds = [postgresTrouble(cause)?.kind, mysqlTrouble(cause)?.kind];
  return kinds.includes("no table") || (cause instanceof Error && cause.message.startsWith("no such table"));
}

function noTable({ url }: DjangoSettings): CliError {
  return new CliError("ERR_CLI_NO_TABLE", `There is no table of Django's sessions in ${shownUrl(url)}`, {
    fix: "Check that it is the right database; `--table` names a table of another name.",
  });
}
