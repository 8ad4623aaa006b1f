import { field, neverConnected, type Trouble } from "../../failures.ts";

const CODE_SHAPE = /^[0-9A-Z]{5}$/;

/** Conditions of which PostgreSQL does not say whether the commit came before: lost connections, shutdowns, failures within. */
const UNSURE = /^(08|57P0[1245]|58|XX|40003)/;

const WHAT_HAPPENED: readonly (readonly [codes: RegExp, what: string])[] = [
  [/^25006/, "The PostgreSQL database is read-only, as a replica is"],
  [/^40/, "PostgreSQL undid the write because of others at the same time"],
  [/^55P03/, "A lock in PostgreSQL was not free in time (`lock_timeout`)"],
  [/^57014/, "PostgreSQL cancelled the statement (`statement_timeout`, or by request)"],
  [/^57P03|^53300/, "PostgreSQL takes no more connections now"],
  [/^53/, "PostgreSQL has run out of disk, memory or connections"],
  [/^28|^3D/, "PostgreSQL refused the user, the password or the database's name"],
  [/^42501/, "PostgreSQL does not allow this user to use or create the tables"],
  [/^3F/, "PostgreSQL has no such schema: create it, or choose another `schema`"],
  [/^26/, "PostgreSQL does not know the prepared statement any more; behind a pooler, set `prepare: false`"],
  [/^25P02/, "The connection is in a failed transaction; give postgresStore a pool, or a client of its own"],
];

/** What an error of `pg` or `postgres` means. */
export function postgresTrouble(error: unknown): Trouble | undefined {
  const code = field(error, "code");
  if (neverConnected(error) || neverHandedOut(error)) {
    return { applied: "no", kind: "other", what: "PostgreSQL could not be reached" };
  }
  // The drivers' own codes have other shapes.
  if (typeof code !== "string" || !CODE_SHAPE.test(code) || field(error, "severity") === undefined) return undefined;
  const what = WHAT_HAPPENED.find(([codes]) => codes.test(code))?.[1] ?? `The PostgreSQL database failed (${code})`;
  if (UNSURE.test(code)) return { applied: "unknown", kind: "other", what };
  if (code === "22P05" || code === "22021") {
    const unfit = "The record holds characters that the database's encoding does not have; PostgreSQL should be in UTF8";
    return { applied: "no", kind: "other", what: unfit, code: "ERR_SESSION_DATA" };
  }
  return { applied: "no", kind: kindOf(code), what };
}

function kindOf(code: string): Trouble["kind"] {
  if (code === "40001" || code === "40P01") return "again";
  if (code === "23505") return "duplicate";
  return code === "42P01" ? "no table" : "other";
}

/** pg's pool has no codes for what it says when it has no connection to give. */
function neverHandedOut(error: unknown): boolean {
  if (!(error instanceof Error) || "code" in error) return false;
  return /^(timeout exceeded when trying to connect|Cannot use a pool after calling end on the pool|Connection terminated due to connection timeout)/.test(
    error.message,
  );
}
