import { isSessionError, SessionError } from "../../core/errors.ts";
import type { Dialect } from "../sql/dialect.ts";
import type { Fields, SqlDriver, SqlResult, SqlValue, Statement } from "../sql/driver.ts";
import { field } from "../sql/failures.ts";
import type { KyselyExecutorLike, KyselyLike, KyselyQuery, KyselyRawNode } from "./instance.ts";

const MARK = "\u{feff}";

/** Statements sent through Kysely, which finds a connection for each and writes down nothing of them but what its `log` asks for. */
export function kyselyDriver(given: KyselyLike, dialect: Dialect): SqlDriver {
  const db = given.withoutPlugins();
  const nodes = new WeakMap<Statement, KyselyRawNode>();

  function compiled(statement: Statement, values: readonly SqlValue[]): KyselyQuery {
    let query = nodes.get(statement);
    if (query === undefined) nodes.set(statement, (query = nodeOf(statement.text)));
    // Not every driver binds a bigint, and a number of rows is never a large one.
    const parameters = values.map((value) => (typeof value === "bigint" ? Number(value) : value));
    return { sql: statement.text, parameters, query, queryId: { queryId: statement.name } };
  }

  /** Refuses a byte-order mark that the client would swallow when it is read, as PGlite does: the text would be another one. */
  async function refuseLostMark(values: readonly SqlValue[]): Promise<void> {
    if (dialect.name !== "postgres" || !values.some((value) => typeof value === "string" && value.startsWith(MARK))) return;
    const { rows } = await db.executeQuery(unbound(`SELECT '${MARK}' AS mark`));
    if (field(rows[0], "mark") === MARK) return;
    const problem =
      "The record holds a text that begins with a byte-order mark (U+FEFF), which this client does not give back";
    throw new SessionError("ERR_SESSION_DATA", problem);
  }

  return {
    async query(statement, values) {
      await refuseLostMark(values);
      try {
        return resultOf(await db.executeQuery(compiled(statement, values)), statement, dialect);
      } catch (error) {
        if (isDestroyed(error)) throw destroyed(dialect, error);
        const isNews = statement === dialect.probe && !isSessionError(error) && dialect.troubleOf(error) === undefined;
        if (isNews && (await answers(db))) {
          throw config(dialect, `the database does not answer as ${dialect.engine} does; choose another \`dialect\``, error);
        }
        throw error;
      }
    },

    async script(statements) {
      const run = async (executor: KyselyExecutorLike): Promise<void> => {
        for (const text of statements) await executor.executeQuery(unbound(text));
      };
      if (!dialect.definesInTransactions) return run(db);
      let begun = false;
      try {
        await db.transaction().execute((transaction) => {
          begun = true;
          return run(transaction);
        });
      } catch (error) {
        // Some dialects, as D1's, have no transactions, and say so before anything was sent.
        if (begun || dialect.troubleOf(error) !== undefined || !(await answers(db))) throw error;
        await run(db);
      }
    },

    async close() {
      // The instance is the caller's.
    },
  };
}

/** A row for each row that was changed, where the statement asks for them; else what the driver counted. */
function resultOf(
  result: Awaited<ReturnType<KyselyExecutorLike["executeQuery"]>>,
  statement: Statement,
  dialect: Dialect,
): SqlResult {
  const { columns } = statement;
  const { rows, numAffectedRows = 0n, insertId } = result;
  if (columns.length === 0 && result.numAffectedRows === undefined) {
    throw config(dialect, "the dialect of `db` does not say how many rows a write has changed (`numAffectedRows`)");
  }
  if (columns[0] === "changed" && rows.length === 0 && numAffectedRows > 0n) {
    throw config(dialect, "the dialect of `db` drops the rows that a write gives (RETURNING), which the store counts");
  }
  return {
    rows: rows.map((row) => fieldsOf(row, columns, dialect)),
    affected: columns.length === 0 ? Number(numAffectedRows) : rows.length,
    number: insertId,
  };
}

function fieldsOf(row: unknown, columns: readonly string[], dialect: Dialect): Fields {
  return columns.map((column) => {
    if (typeof row === "object" && row !== null && column in row) return (row as Record<string, unknown>)[column] ?? null;
    throw config(dialect, `\`db\` gives rows without the column "${column}" that was asked for`);
  });
}

function unbound(text: string): KyselyQuery {
  return { sql: text, parameters: [], query: nodeOf(text), queryId: { queryId: "sojourn" } };
}

function nodeOf(text: string): KyselyRawNode {
  return { kind: "RawNode", sqlFragments: [text], parameters: [] };
}

/** Whether the database, whichever it is, takes a statement. */
async function answers(db: KyselyExecutorLike): Promise<boolean> {
  try {
    await db.executeQuery(unbound("SELECT 1 AS found"));
    return true;
  } catch {
    return false;
  }
}

/** Kysely has no code for it; it is said before a connection is asked for. */
function isDestroyed(error: unknown): boolean {
  return error instanceof Error && error.message === "driver has already been destroyed";
}

function destroyed({ engine }: Dialect, cause: unknown): SessionError {
  const message = `${engine} could not be reached: the Kysely instance was destroyed`;
  return new SessionError("ERR_SESSION_STORE", message, { cause, applied: "no" });
}

function config({ store }: Dialect, problem: string, cause?: unknown): SessionError {
  return new SessionError("ERR_SESSION_CONFIG", `${store}: ${problem}`, { cause });
}
