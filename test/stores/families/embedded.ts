import { randomBytes } from "node:crypto";
import { cookieStore } from "../../../src/stores/cookie.ts";
import { sqliteStore } from "../../../src/stores/sqlite.ts";
import type { StoreTarget } from "../../../src/testing/store-rule.ts";
import { driversHere } from "../sqlite/drivers.ts";
import { targetOf } from "../sqlite/kit-here.ts";
import { storeTargets } from "../targets.ts";
import type { StoreFamily } from "./family.ts";

const named = (start: string): readonly StoreTarget[] => storeTargets.filter(({ name }) => name.startsWith(start));

export const memory: StoreFamily = {
  name: "memory",
  page: "docs/stores/memory.md",
  parts: [{ name: "one process", needs: [], targets: named("memory") }],
  undamageable: "its records are objects inside one process, which nothing can damage",
};

export const file: StoreFamily = {
  name: "file",
  page: "docs/stores/file.md",
  parts: [{ name: "a folder", needs: [], targets: named("file") }],
};

const inMemory: StoreTarget = { name: "sqlite (:memory:)", storage: () => ({ open: () => sqliteStore(":memory:") }) };
const libsql = (await driversHere()).filter(({ name }) => name === "libsql").map(targetOf);

export const sqlite: StoreFamily = {
  name: "SQLite",
  page: "docs/stores/sqlite.md",
  packages: ["better-sqlite3", "libsql"],
  parts: [
    { name: "a file", needs: [], targets: [...named("sqlite"), ...libsql] },
    { name: "in memory", needs: [], targets: [inMemory] },
  ],
  undamageable: "its records are inside one process, which nothing can damage",
};

export const cookie: StoreFamily = {
  name: "cookie",
  page: "docs/stores/cookie.md",
  parts: [],
  stateless: () => cookieStore({ keys: randomBytes(32) }),
};
