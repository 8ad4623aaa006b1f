import { chmodSync, chownSync, closeSync, existsSync, openSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isSessionError } from "../../../src/core/errors.ts";
import type { SessionStore } from "../../../src/core/store.ts";
import { fileStore } from "../../../src/stores/file.ts";
import { everythingIn, filesIn, handleFrom, MINUTE, NOW, record, tombstone } from "./support.ts";

/**
 * A process for which the machine has run out of something: it asks a store for everything and says, as one JSON value, what it was
 * told. `emfile`: of open files. `full`: of space, on the small file system that `root` is. `unwritable`: of the right to write.
 */

const NOBODY = 65_534;
const session = record({ version: "v", userId: "ann" });
const expired = record({ handle: handleFrom("e"), expiresAt: NOW });
const heir = { ...session, handle: handleFrom("b"), version: "heir" };

const calls: Readonly<Record<string, (store: SessionStore) => unknown>> = {
  load: (store) => store.load(session.handle),
  create: (store) => store.create(record({ handle: handleFrom("c") })),
  "create for a user": (store) => store.create(record({ handle: handleFrom("d"), userId: "ann" })),
  save: (store) => store.save({ ...session, version: "w" }, session.version),
  touch: (store) => store.touch(session.handle, session.version, NOW + 99 * MINUTE),
  rotate: (store) => store.rotate?.(session.handle, session.version, heir, tombstone()),
  retire: (store) => store.retire(session.handle, tombstone()),
  "advance the epoch": (store) => store.users?.advanceEpoch("bob", 1),
  "clear expired": (store) => store.clearExpired?.({ before: NOW, limit: 10 }),
};

async function told(store: SessionStore): Promise<Record<string, unknown>> {
  const answers: Record<string, unknown> = {};
  for (const [name, call] of Object.entries(calls)) {
    try {
      answers[name] = await call(store);
    } catch (error) {
      answers[name] = isSessionError(error) ? `${error.code} ${error.applied} ${error.message}` : String(error);
    }
  }
  return answers;
}

function exhaust(task: string, root: string): () => void {
  if (task === "emfile") {
    const open: number[] = [];
    try {
      for (;;) open.push(openSync("/dev/null", "r"));
    } catch {
      return () => open.forEach((file) => closeSync(file));
    }
  }
  if (task === "full") {
    const filler = join(root, "filler");
    for (let bytes = 65_536; bytes >= 1; bytes /= 2) {
      try {
        for (;;) writeFileSync(filler, Buffer.alloc(bytes), { flag: "a" });
      } catch {
        // Less fits.
      }
    }
    return () => rmSync(filler);
  }
  const folders = ["", ...everythingIn(root)].map((path) => join(root, path)).filter((path) => existsSync(join(path, ".")));
  if (process.getuid?.() === 0) {
    for (const path of ["", ...everythingIn(root)]) chownSync(join(root, path), NOBODY, NOBODY);
    process.setgroups?.([]);
    process.setgid?.(NOBODY);
    process.setuid?.(NOBODY);
  }
  for (const folder of folders) chmodSync(folder, 0o500);
  return () => folders.forEach((folder) => chmodSync(folder, 0o700));
}

const [task = "", root = ""] = process.argv.slice(2);
const store = fileStore({ dir: root, sync: "data" });
await store.create(session);
const before = JSON.stringify(filesIn(root));
await store.create(expired);
const relieve = exhaust(task, root);
const answers = await told(store);
relieve();
const loaded = await store.load(session.handle);
await store.clearExpired?.({ before: NOW, limit: 10 });
const unchanged = JSON.stringify(filesIn(root)) === before;
console.log(JSON.stringify({ session, answers, loaded, unchanged, afterwards: await told(store) }));
