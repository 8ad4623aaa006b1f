import type { PGlite, PGliteQueryOptions, PGliteQueryResults } from "kysely";

/** What stands for SQL Server's errors, by PostgreSQL's code. */
const ERRORS: Readonly<Record<string, number>> = { "42P01": 208, "23505": 2627, "40P01": 1205 };

/**
 * A PostgreSQL that takes the statements for SQL Server, word by word. There is no SQL Server to run them on; this shows that they say
 * what they should: their conditions, the order of their columns and values, and what they give. It shows nothing of its locks.
 */
export function inPostgresWords(pglite: PGlite): PGlite {
  const query = (executor: Pick<PGlite, "query">): PGlite["query"] => {
    return async <T>(text: string, values?: unknown[], options?: PGliteQueryOptions): Promise<PGliteQueryResults<T>> => {
      try {
        return await executor.query<T>(translated(text), values, options);
      } catch (error) {
        const number = ERRORS[String((error as { code?: unknown }).code)];
        throw number === undefined
          ? error
          : Object.assign(new Error("said in PostgreSQL"), { code: "EREQUEST", number, class: 16 });
      }
    };
  };
  return {
    close: () => pglite.close(),
    closed: false,
    ready: true,
    waitReady: pglite.waitReady,
    query: query(pglite),
    transaction: (work) =>
      pglite.transaction((transaction) => work({ query: query(transaction), rollback: () => transaction.rollback() })),
  };
}

/** The one function that the statements use and PostgreSQL does not have. */
export const PREPARATION = `CREATE FUNCTION serverproperty(text) RETURNS int LANGUAGE sql AS 'SELECT 3'`;

function translated(text: string): string {
  if (text.startsWith("EXEC sp_getapplock")) return "SELECT 1";
  // It is about dates, for people to read.
  if (text.startsWith("CREATE OR ALTER VIEW")) return "SELECT 1";
  const isMerge = text.startsWith("MERGE");
  let returning = "";
  const words = text
    .replaceAll(/\[((?:[^\]]|\]\])*)\]/g, (_match, name: string) => `"${name.replaceAll("]]", "]").replaceAll('"', '""')}"`)
    .replace(/^IF OBJECT_ID\(.*?, N'U'\) IS NULL CREATE TABLE/, "CREATE TABLE IF NOT EXISTS")
    .replace(/^IF INDEXPROPERTY\(.*\) IS NULL\nCREATE INDEX/, "CREATE INDEX IF NOT EXISTS")
    .replaceAll(/ WITH \((UPDLOCK, )?HOLDLOCK\)/g, "")
    // Ten bytes are five characters there.
    .replaceAll(/SUBSTRING\(([\w.]+), 1, 10\)/g, "left($1, 5)")
    .replaceAll(/^( {2}\w+) varbinary\(510\)/gm, '$1 text COLLATE "C"')
    .replaceAll(/(n?var(char|binary))\((\d+|max)\)/g, "text")
    .replaceAll(/\bN'/g, "'")
    .replaceAll(/@(\d+)/g, "$$$1")
    .replace(/OUTPUT (inserted|deleted)\.(\w+) AS (\w+);?/, (_match, _from, column: string, name: string) => {
      returning = ` RETURNING ${isMerge ? "t." : ""}${column} AS ${name}`;
      return "";
    })
    .replace(/SELECT TOP \((CAST\(.*?\)|\d+)\) ([\s\S]*?)(\)?)$/, "SELECT $2 LIMIT $1$3");
  return words + returning;
}
