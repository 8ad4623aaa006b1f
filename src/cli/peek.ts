import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { SessionError } from "../core/errors.ts";
import { CliError } from "./errors.ts";
import { parseStoreUrl, shownUrl } from "./store-url.ts";

/** What can be said of a store before it is opened. */
export type Presence = "there" | "missing" | "private";

/** Whether the store that a URL names is there. Opens nothing and makes nothing. */
export function presenceOf(url: string, cwd: string): Presence {
  const { scheme, rest } = parseStoreUrl(url);
  if (scheme === "memory" || (scheme === "sqlite" && rest === ":memory:")) return "private";
  if (scheme !== "sqlite" && scheme !== "file") return "there";
  return statSync(resolve(cwd, rest), { throwIfNoEntry: false }) === undefined ? "missing" : "there";
}

/** @throws {CliError} ERR_CLI_STORE_MISSING, ERR_CLI_STORE_PRIVATE */
export function requirePresence(url: string, cwd: string): void {
  const presence = presenceOf(url, cwd);
  if (presence === "private") throw new CliError("ERR_CLI_STORE_PRIVATE");
  if (presence === "missing") {
    const what = parseStoreUrl(url).scheme === "sqlite" ? "database" : "folder";
    throw new CliError("ERR_CLI_STORE_MISSING", `There is no ${what} at the path of ${shownUrl(url)}`);
  }
}

/**
 * Opens a database that is there, for looking only: it is not made, its journal mode stays, and nothing can be written through it.
 * Undefined on a runtime without SQLite.
 *
 * @throws {SessionError} ERR_SESSION_CONFIG
 */
export function peekDatabase(path: string): DatabaseSync | undefined {
  const sqlite = process.getBuiltinModule("node:sqlite");
  if (sqlite === undefined) return undefined;
  const location = pathToFileURL(path);
  // Not `ro`: a reader that may not write leaves the files of the write-ahead log behind.
  location.searchParams.set("mode", "rw");
  try {
    const database = new sqlite.DatabaseSync(location);
    database.exec("PRAGMA query_only = ON");
    return database;
  } catch (cause) {
    throw new SessionError("ERR_SESSION_CONFIG", "The database cannot be opened", { cause });
  }
}
