import { statfsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { peekDatabase, presenceOf } from "../peek.ts";
import { parseStoreUrl } from "../store-url.ts";
import { type Finding, finding } from "./findings.ts";
import type { Check } from "./subject.ts";

const UNKNOWN_FILES = "the configuration made the store itself; `--store sqlite:FILE` or `file:FOLDER` looks at its files";

/** The `f_type` of file systems that other machines share, from Linux's `statfs(2)`. */
const NETWORK_TYPES: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0x517b, // SMB
  0xfe534d42, // SMB2
  0xff534d42, // CIFS
  0x5346414f, // AFS
  0x00c36400, // Ceph
  0x01021997, // 9P
  0x65735546, // FUSE, sshfs among them
]);

/** True for the number that Linux gives to a network file system. */
export function isNetworkFilesystem(type: number): boolean {
  // Signed on some machines.
  return NETWORK_TYPES.has(type >>> 0);
}

/** Who else may read or write the store's files, and where they are. */
export const filesCheck: Check = {
  name: "files",
  run({ url, store, cwd }) {
    if (url === undefined)
      return store?.name === "sqlite" || store?.name === "file" ? UNKNOWN_FILES : "the store has no files that are known";
    const { scheme, rest } = parseStoreUrl(url);
    if (scheme !== "sqlite" && scheme !== "file") return "the store has no files that are known";
    if (presenceOf(url, cwd) !== "there") return "there are no files yet";
    const path = resolve(cwd, rest);
    return [...(scheme === "sqlite" ? modesOfFile(path) : modesOfFolder(path)), ...placeOf(path)];
  },
};

/** How the database is kept. */
export const databaseCheck: Check = {
  name: "database",
  run({ url, store, cwd }) {
    if (url === undefined) return store?.name === "sqlite" ? UNKNOWN_FILES : "the store is no database";
    const { scheme, rest } = parseStoreUrl(url);
    if (scheme !== "sqlite" || presenceOf(url, cwd) !== "there") return "there is no database";
    if (store === null) return "the store is not open";
    const database = peekDatabase(resolve(cwd, rest));
    if (database === undefined) return "this Node has no SQLite";
    try {
      const mode = String(database.prepare("PRAGMA journal_mode").get()?.["journal_mode"]);
      return mode === "wal" ? [finding("database-power-cut")] : [finding("database-not-wal", `Its mode is ${mode}.`)];
    } finally {
      database.close();
    }
  },
};

function modesOfFile(path: string): Finding[] {
  return modeFindings(modeOf(path), modeOf(path));
}

function modesOfFolder(path: string): Finding[] {
  const folder = modeOf(path);
  const inside = modeOf(join(path, "sessions"));
  // Who may write to the folder can put another one in its place; who may read needs both.
  return modeFindings(folder | inside, inside === 0 ? folder : folder & inside);
}

function modeFindings(writing: number, reading: number): Finding[] {
  // Windows has no such modes.
  if (process.platform === "win32") return [];
  const shown = (mode: number): string => `The mode is ${(mode & 0o777).toString(8).padStart(4, "0")}.`;
  if ((writing & 0o022) !== 0) return [finding("files-writable", shown(writing))];
  return (reading & 0o044) === 0 ? [] : [finding("files-readable", shown(reading))];
}

function modeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
}

function placeOf(path: string): Finding[] {
  return process.platform === "linux" && isNetworkFilesystem(statfsSync(path).type) ? [finding("network-filesystem")] : [];
}
