import { checkAuthHash } from "../../django/auth-hash.ts";
import type { DjangoKeys } from "../../django/keys.ts";
import { isSessionError } from "../../core/errors.ts";
import type { Row } from "../../django/engines/sql.ts";
import { field } from "../../stores/sql/failures.ts";
import { CliError } from "../errors.ts";
import { isNoTable, type OpenedDatabase } from "./table.ts";

/** Where a project keeps its users. */
export interface UserTableOptions {
  readonly table: string;
  /** The column of the primary key. */
  readonly key: string;
}

/** The project's users: what decides whether a login in a session still holds. */
export class UserTable {
  readonly #opened: OpenedDatabase;
  readonly #statement: string;
  readonly #hasActive: boolean;

  private constructor(opened: OpenedDatabase, statement: string, hasActive: boolean) {
    this.#opened = opened;
    this.#statement = statement;
    this.#hasActive = hasActive;
  }

  /** @throws {CliError} ERR_CLI_NO_USERS */
  static async open(opened: OpenedDatabase, { table, key }: UserTableOptions): Promise<UserTable> {
    // Users of a model of one's own may have no `is_active`: they are always active.
    for (const hasActive of [true, false]) {
      const columns = hasActive ? "password, is_active" : "password";
      const statement = `SELECT ${columns} FROM ${opened.quote(table)} WHERE ${opened.quote(key)} = ${opened.place}`;
      const users = new UserTable(opened, statement, hasActive);
      try {
        await users.#rowOf("0");
        return users;
      } catch (error) {
        if (isNoTable(error)) throw new CliError("ERR_CLI_NO_USERS");
        // After an error that passes the column would be left out, and who is inactive taken for active.
        if (!isNoColumn(error)) throw error;
        if (!hasActive) throw new CliError("ERR_CLI_NO_USERS", undefined, { cause: error });
      }
    }
    throw new CliError("ERR_CLI_NO_USERS");
  }

  /** The `password` column of a user who may log in; undefined for one who is gone or inactive. */
  async passwordOf(userId: string): Promise<string | undefined> {
    // A UUID is text without hyphens where the database has no type for it.
    const ids = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(userId)
      ? [userId, userId.replaceAll("-", "")]
      : [userId];
    for (const id of ids) {
      const row = await this.#rowOf(id);
      if (row === undefined) continue;
      const [password, active] = row;
      return typeof password === "string" && (!this.#hasActive || Boolean(active)) ? password : undefined;
    }
    return undefined;
  }

  async #rowOf(id: string): Promise<Row | undefined> {
    try {
      return (await this.#opened.database.read(this.#statement, [id]))[0];
    } catch (error) {
      // PostgreSQL compares no number with a text that is none.
      if (isSessionError(error) && NOT_OF_THE_TYPE.has(field(error.cause, "code"))) return undefined;
      throw error;
    }
  }
}

/** True for an error that says that a column is not there. */
function isNoColumn(error: unknown): boolean {
  if (!isSessionError(error)) return false;
  const { cause } = error;
  const isSqlite = cause instanceof Error && cause.message.startsWith("no such column");
  return isSqlite || field(cause, "code") === "42703" || field(cause, "errno") === 1054;
}

const NOT_OF_THE_TYPE: ReadonlySet<unknown> = new Set(["22P02", "22003"]);

/** Whether the hash that a session has is that of the user's present password, as Django compares them at each request. */
export function holds(keys: DjangoKeys, password: string, hash: unknown, legacy: "read" | "refuse"): boolean {
  return checkAuthHash(keys, password, hash, { sha1: legacy === "read" }).status !== "invalid";
}
