import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { fileStore } from "../../src/stores/file.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { adapterKit } from "../../src/testing/adapter-kit.ts";
import { fetchTarget, nodeTarget } from "./targets.ts";

// The kit runs on every adapter over memory; here, once for each way of answering, over stores that take their time.
const folder = mkdtempSync(join(tmpdir(), "sojourn-adapters-"));
after(() => rm(folder, { recursive: true, force: true }));

let made = 0;
adapterKit(test, { ...nodeTarget, name: "node on SQLite" }, { store: () => sqliteStore(join(folder, `${made++}.db`)) });
adapterKit(test, { ...fetchTarget, name: "fetch on files" }, { store: () => fileStore(join(folder, String(made++))) });
