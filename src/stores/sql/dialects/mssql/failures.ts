import { field, neverConnected, type Trouble } from "../../failures.ts";

/** From this class on an error ends the connection, and does not say whether the commit came before. */
const ENDS_CONNECTION = 20;

/** Undone for the sake of another: chosen in a deadlock, or behind what a snapshot showed. */
const AGAIN: ReadonlySet<unknown> = new Set([1205, 3960]);

const DUPLICATE: ReadonlySet<unknown> = new Set([2601, 2627]);

const WHAT_HAPPENED: Readonly<Record<number, string>> = {
  1205: "SQL Server undid the write because of others at the same time",
  3960: "SQL Server undid the write because of others at the same time",
  1222: "A lock in SQL Server was not free in time (`LOCK_TIMEOUT`)",
  3906: "The SQL Server database is read-only",
  229: "SQL Server does not allow this user to use the tables",
  262: "SQL Server does not allow this user to create the tables",
  1101: "SQL Server has run out of disk",
  1105: "SQL Server has run out of disk",
  9002: "SQL Server's transaction log is full",
};

/** What an error of `tedious`, as Kysely passes it on, means. */
export function mssqlTrouble(error: unknown): Trouble | undefined {
  // What the server sent with several errors is rejected as a list of them.
  const troubles = Array.isArray(error) ? error.map(troubleOf) : [troubleOf(error)];
  const known = troubles.filter((trouble) => trouble !== undefined);
  if (known.length < troubles.length) return undefined;
  return known.find(({ applied }) => applied === "unknown") ?? known.find(({ kind }) => kind !== "other") ?? known[0];
}

function troubleOf(error: unknown): Trouble | undefined {
  const code = field(error, "code");
  // The last is said of a connection that takes no requests any more, before the request is sent.
  if (neverConnected(error) || code === "ELOGIN" || code === "EINVALIDSTATE") {
    return { applied: "no", kind: "other", what: "SQL Server could not be reached" };
  }
  const number = field(error, "number");
  const level = field(error, "class");
  if (typeof number !== "number" || typeof level !== "number") return undefined;
  const what = WHAT_HAPPENED[number] ?? `The SQL Server database failed (${number})`;
  if (level >= ENDS_CONNECTION) return { applied: "unknown", kind: "other", what };
  return { applied: "no", kind: kindOf(number), what };
}

function kindOf(number: number): Trouble["kind"] {
  if (AGAIN.has(number)) return "again";
  if (DUPLICATE.has(number)) return "duplicate";
  return number === 208 ? "no table" : "other";
}
