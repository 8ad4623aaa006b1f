import { PGlite } from "@electric-sql/pglite";
import { CamelCasePlugin, Kysely, PGliteDialect, type PGlite as PGliteLike } from "kysely";
import { kyselyStore, type KyselyDialectName } from "../../../src/stores/kysely.ts";
import type { OpenSql } from "../sql/targets.ts";
import { inPostgresWords, PREPARATION } from "./in-postgres-words.ts";

/** A PGlite inside this process, and the stores over it. */
export interface StartedPglite {
  readonly postgres: OpenSql;
  /** The dialect of SQL Server, its statements said in PostgreSQL's words. */
  readonly mssql: OpenSql;
  /** Makes the row of a handle unreadable. */
  damage(table: string, handle: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one; this takes seconds. */
export async function startPglite(): Promise<StartedPglite> {
  const pglite = await PGlite.create();
  await pglite.exec(PREPARATION);
  // The database is made once, and closed when all is done.
  const opening =
    (dialect: KyselyDialectName, spoken: PGliteLike): OpenSql =>
    (_url, table) => {
      const db = new Kysely<unknown>({ dialect: new PGliteDialect({ pglite: spoken }), plugins: [new CamelCasePlugin()] });
      return { store: kyselyStore({ db, dialect, table }), end: () => Promise.resolve() };
    };
  return {
    postgres: opening("postgres", pglite),
    mssql: opening("mssql", inPostgresWords(pglite)),
    async damage(table, handle) {
      await pglite.exec(`ALTER TABLE ${table} DROP CONSTRAINT ${table}_created_at_check;
      UPDATE ${table} SET created_at = 9223372036854775807 WHERE session_handle = '${handle}'`);
    },
    stop: () => pglite.close(),
  };
}
