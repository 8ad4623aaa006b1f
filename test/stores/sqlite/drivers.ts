import { createRequire } from "node:module";
import type { SqliteDatabaseLike } from "../../../src/stores/sqlite.ts";

/** A driver under test: its name, and how it opens a file. */
export interface Driver {
  readonly name: string;
  open(path: string): SqliteDatabaseLike;
}

type Opener = new (path: string) => SqliteDatabaseLike;

const require = createRequire(import.meta.url);

/** The drivers that the present runtime can load: those of Bun under Bun, the others under Node and Deno. */
export async function driversHere(): Promise<readonly Driver[]> {
  const builtIn: Driver = {
    name: "node:sqlite",
    open: (path) => new (process.getBuiltinModule("node:sqlite").DatabaseSync)(path),
  };
  if (process.versions["bun"] !== undefined) return [builtIn, packaged("bun:sqlite", (await bunModule()).Database)];
  if (process.versions["deno"] !== undefined) return [builtIn];
  return [
    builtIn,
    packaged("better-sqlite3", require("better-sqlite3") as Opener),
    packaged("libsql", require("libsql") as Opener),
  ];
}

async function bunModule(): Promise<{ Database: Opener }> {
  // A name that Node's type checker does not follow.
  const name: string = "bun:sqlite";
  return (await import(name)) as { Database: Opener };
}

function packaged(name: string, Database: Opener): Driver {
  return { name, open: (path) => new Database(path) };
}
