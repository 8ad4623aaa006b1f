import { SessionError } from "../../core/errors.ts";
import { DEFAULT_TABLE } from "../sql/names.ts";
import { DIALECTS, WITH_SCHEMAS, type KyselyDialectName } from "./dialects.ts";
import type { KyselyLike } from "./instance.ts";

/** Which table {@link kyselySchema} is about, and in which database. */
export interface KyselySchemaOptions {
  /** The database that is spoken to, which Kysely does not say: PGlite is `postgres`, MariaDB is `mysql`, libSQL and D1 are `sqlite`. */
  readonly dialect: KyselyDialectName;
  /** The table of sessions; the names of what belongs to it begin with it too. Default `sojourn_sessions`. */
  readonly table?: string;
  /** The schema that the table is in, which must be there; for `postgres` and `mssql`. Default: the connection's own. */
  readonly schema?: string;
}

/** Options of `kyselyStore`. */
export interface KyselyStoreOptions extends KyselySchemaOptions {
  /** The application's instance of Kysely, and not a transaction. Its plugins are left aside. Closing the store leaves it open. */
  readonly db: KyselyLike;
}

const SCHEMA_NAMES: readonly string[] = ["dialect", "table", "schema"] satisfies (keyof KyselySchemaOptions)[];
const NAMES: readonly string[] = ["db", ...SCHEMA_NAMES] satisfies string[];

/** @throws {SessionError} `ERR_SESSION_CONFIG` */
export function resolveKyselyOptions(options: KyselyStoreOptions) {
  const store = "kyselyStore";
  checkNames(options, NAMES, store);
  const { db } = options;
  const methods = ["executeQuery", "withoutPlugins", "transaction"];
  check(
    typeof db === "object" && db !== null && methods.every((name) => typeof Reflect.get(db, name) === "function"),
    "`db` must be an instance of Kysely",
    store,
  );
  check(
    !db.isTransaction,
    "`db` is a transaction: what it undoes later would have been answered; give it the instance",
    store,
  );
  return { db, ...resolveTable(options, store) };
}

/** @throws {SessionError} `ERR_SESSION_CONFIG` */
export function resolveKyselySchemaOptions(options: KyselySchemaOptions) {
  checkNames(options, SCHEMA_NAMES, "kyselySchema");
  return resolveTable(options, "kyselySchema");
}

function resolveTable({ dialect, table = DEFAULT_TABLE, schema }: KyselySchemaOptions, store: string) {
  const known = Object.keys(DIALECTS);
  check(known.includes(dialect), `\`dialect\` is one of ${known.join(", ")}`, store);
  check(schema === undefined || WITH_SCHEMAS.includes(dialect), `\`schema\` is for ${WITH_SCHEMAS.join(" and ")}`, store);
  return { dialect, choice: { table, schema, store } };
}

function checkNames(options: object, names: readonly string[], store: string): void {
  check(typeof options === "object" && options !== null, "takes an object of options", store);
  for (const name of Object.keys(options)) check(names.includes(name), `has no option \`${name}\``, store);
}

function check(holds: boolean, problem: string, store: string): void {
  if (!holds) throw new SessionError("ERR_SESSION_CONFIG", `${store}: ${problem}`);
}
