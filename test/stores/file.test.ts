import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import test, { type TestContext } from "node:test";
import { isSessionError } from "../../src/core/errors.ts";
import { handleOf, lockHandleOf, newSessionId, type SessionHandle } from "../../src/core/id.ts";
import type { SessionRecord } from "../../src/core/record.ts";
import type { SessionStore } from "../../src/core/store.ts";
import { fileStore, type FileStoreOptions } from "../../src/stores/file.ts";
import { openFileStore } from "../../src/stores/file/store.ts";
import { sweep } from "../../src/testing/rules/support.ts";
import {
  age,
  everythingIn,
  fileOf,
  filesIn,
  handleFrom,
  MINUTE,
  NOW,
  record,
  refused,
  temporaryFolder,
  tombstone,
  usersOf,
} from "./file/support.ts";

interface World {
  readonly root: string;
  readonly store: SessionStore;
}

function open(context: TestContext): World {
  const root = join(temporaryFolder(context), "sessions");
  return { root, store: fileStore({ dir: root, sync: "none" }) };
}

async function created(store: SessionStore, fields: Partial<SessionRecord> = {}): Promise<SessionRecord> {
  const made = record(fields);
  assert.deepEqual(await store.create(made), { status: "created" });
  return made;
}

test("a session is one file, which a human can read", async (context) => {
  const { root, store } = open(context);
  const { handle, version } = await created(store, { data: 'j1:{"count":2,"city":"Zürich"}', userId: "ann" });
  const [head, data, rest] = readFileSync(fileOf(root, handle), "utf8").split("\n");
  const { nonce, ...fields } = JSON.parse(head ?? "") as Record<string, unknown>;
  assert.match(String(nonce), /^[\w-]{16}$/);
  assert.deepEqual(fields, {
    sojourn: 1,
    state: "live",
    handle,
    version,
    createdAt: NOW,
    expiresAt: NOW + 60 * MINUTE,
    userId: "ann",
    epoch: 0,
  });
  assert.equal(JSON.parse(data ?? ""), 'j1:{"count":2,"city":"Zürich"}');
  assert.equal(rest, "");
  assert.equal(filesIn(join(root, "sessions")).length, 1, "nothing else is left beside it");
  assert.deepEqual(everythingIn(join(root, "tmp")), []);
});

test("what a session held is gone from the disk when it has ended", async (context) => {
  const { root, store } = open(context);
  const session = await created(store, { data: "very private", userId: "ann" });
  await store.save({ ...session, version: "w", data: "still very private" }, session.version);
  await store.retire(session.handle, tombstone());
  assert.throws(() => execFileSync("grep", ["-rqE", "private|ann", root]), { status: 1 });
});

test("an entry of a user's index comes with a session and goes with it", async (context) => {
  const { root, store } = open(context);
  const entries = (): string[] => filesIn(join(root, "users")).map((path) => basename(path));
  const session = await created(store, { userId: "ann" });
  assert.deepEqual(entries(), [session.handle]);
  await store.save({ ...session, version: "w", userId: "bob" }, session.version);
  assert.deepEqual(entries(), [session.handle]);
  assert.deepEqual(await usersOf(store).sessionsOf("ann"), []);
  const heir = { ...session, handle: handleFrom("b"), version: "heir", userId: "bob" };
  await store.rotate?.(session.handle, "w", heir, tombstone({ reason: "rotated", successor: heir.handle }));
  assert.deepEqual(entries(), [heir.handle]);
  await store.save({ ...heir, version: "x", userId: null }, heir.version);
  assert.deepEqual(entries(), []);
  await store.save({ ...heir, version: "y" }, "x");
  await store.retire(heir.handle, tombstone());
  assert.deepEqual(entries(), []);
  await created(store, { handle: handleFrom("c"), userId: "ann", expiresAt: NOW });
  await store.clearExpired?.({ before: NOW, limit: 10 });
  assert.deepEqual(entries(), []);
  assert.deepEqual(await store.create({ ...heir, handle: handleFrom("c"), userId: "ann" }), { status: "created" });
  assert.deepEqual(await store.create({ ...heir, handle: handleFrom("c"), userId: "bob" }), { status: "exists" });
  assert.deepEqual(entries(), [handleFrom("c")]);
});

test("files have mode 0600 and folders 0700, whatever the process's mask allows", async (context) => {
  const before = process.umask(0);
  context.after(() => process.umask(before));
  const { root, store } = open(context);
  const session = await created(store, { userId: "ann" });
  await created(store, { handle: handleFrom("b") });
  await store.save({ ...session, version: "w" }, session.version);
  await usersOf(store).advanceEpoch("ann", 1);
  const paths = everythingIn(root);
  assert.ok(paths.length >= 12);
  for (const path of ["", ...paths]) {
    const { mode } = lstatSync(join(root, path));
    const isFolder = lstatSync(join(root, path)).isDirectory();
    assert.equal((mode & 0o777).toString(8), isFolder ? "700" : "600", path);
  }
});

test("a folder that is there is left with its mode, and its parent is never made", async (context) => {
  const root = temporaryFolder(context);
  chmodSync(root, 0o750);
  await created(fileStore(root));
  assert.equal(statSync(root).mode & 0o777, 0o750);
  await refused(() => fileStore(join(root, "not", "there")), "ERR_SESSION_CONFIG");
  assert.equal(existsSync(join(root, "not")), false);
});

test("a folder that cannot be one is refused when it is configured", async (context) => {
  const root = temporaryFolder(context);
  writeFileSync(join(root, "file"), "");
  symlinkSync(join(root, "nowhere"), join(root, "link"));
  for (const dir of ["", "a\0b", join(root, "file"), join(root, "file", "in it"), join(root, "link")]) {
    const error = await refused(() => fileStore(dir), "ERR_SESSION_CONFIG");
    assert.match(error.message, /fileStore: /);
  }
  for (const part of ["sessions", "users", "epochs", "tmp"]) {
    const taken = join(root, `with ${part}`);
    mkdirSync(taken);
    symlinkSync(root, join(taken, part));
    await refused(() => fileStore(taken), "ERR_SESSION_CONFIG");
    rmSync(join(taken, part));
    writeFileSync(join(taken, part), "");
    await refused(() => fileStore({ dir: taken }), "ERR_SESSION_CONFIG");
  }
  const unknown: object = { dir: root, sync: "sometimes" };
  await refused(() => fileStore(unknown as FileStoreOptions), "ERR_SESSION_CONFIG");
});

test("every level of durability stores the same", async (context) => {
  for (const sync of ["none", "data", "full"] as const) {
    const store = fileStore({ dir: temporaryFolder(context), sync });
    const session = await created(store, { userId: "ann" });
    const heir = { ...session, handle: handleFrom("b"), version: "heir" };
    assert.deepEqual(await store.rotate?.(session.handle, session.version, heir, tombstone({ reason: "rotated" })), {
      status: "rotated",
    });
    assert.deepEqual(await store.load(heir.handle), { status: "live", record: heir, userEpoch: 0 });
    assert.deepEqual(await usersOf(store).sessionsOf("ann"), [heir]);
    assert.equal(await store.clearExpired?.({ before: Number.MAX_SAFE_INTEGER, limit: 10 }), 2);
  }
});

test("text that has not a handle's shape is refused before the disk is touched", async (context) => {
  const root = temporaryFolder(context);
  let steps = 0;
  const store = openFileStore(root, { sync: "none", step: () => void steps++ });
  const good = handleFrom("a");
  const hostile = [
    ...[
      "",
      ".",
      "..",
      "../../../../etc/passwd",
      `../${good.slice(3)}`,
      `${good}/`,
      `${good}/../${good}`,
      `/${good.slice(1)}`,
    ],
    ...[`${good}\0`, `${good.slice(0, 47)}\0`, `${good}\n`, good.toUpperCase(), good.slice(1), `${good}a`, `lock-${good}`],
    ...[`${good.slice(0, 43)}.json`, `lock-${"../".repeat(15)}`.slice(0, 48), "ａ".repeat(48), `lock-${good.slice(0, 42)}G`],
  ];
  for (const text of hostile) {
    const handle = text as SessionHandle;
    const calls = [
      () => store.load(handle),
      () => store.create(record({ handle })),
      () => store.create(record({ handle, userId: "ann" })),
      () => store.save(record({ handle }), "v"),
      () => store.touch(handle, "v", NOW),
      () => store.retire(handle, tombstone()),
      () => store.rotate?.(handle, "v", record(), tombstone()),
      () => store.rotate?.(good, "v", record({ handle }), tombstone()),
    ];
    for (const call of calls) {
      const error = await refused(call, "ERR_SESSION_USAGE");
      assert.ok(text.length < 3 || !error.message.includes(text));
    }
  }
  const others: unknown[] = [undefined, null, 7, {}, [good]];
  for (const handle of others) await refused(() => store.load(handle as SessionHandle), "ERR_SESSION_USAGE");
  assert.equal(steps, 0);
  assert.deepEqual(everythingIn(root), []);
});

test("a lock's record is stored beside its session, and is not listed", async (context) => {
  const { root, store } = open(context);
  const session = await created(store, { handle: handleOf(newSessionId()) });
  const lock = await created(store, { handle: lockHandleOf(session.handle), data: "lock1:held" });
  assert.equal(
    dirname(fileOf(root, session.handle)),
    dirname(join(root, "sessions", session.handle.slice(0, 2), lock.handle)),
  );
  assert.deepEqual(await store.load(lock.handle), { status: "live", record: lock });
  assert.deepEqual(await store.save({ ...lock, version: "w", data: "lock1:free" }, lock.version), { status: "saved" });
  assert.deepEqual(await store.list?.({ limit: 10 }), [session]);
  assert.equal(await store.clearExpired?.({ before: Number.MAX_SAFE_INTEGER, limit: 10 }), 2);
});

test("times that are not finite numbers are refused, and not stored as something else", async (context) => {
  const { root, store } = open(context);
  for (const value of [Number.NaN, Infinity]) {
    for (const name of ["createdAt", "expiresAt", "epoch"]) {
      await refused(() => store.create(record({ [name]: value })), "ERR_SESSION_USAGE");
    }
    const session = await created(store, { handle: handleOf(newSessionId()) });
    await refused(() => store.retire(session.handle, tombstone({ until: value })), "ERR_SESSION_USAGE");
    assert.equal((await store.load(session.handle)).status, "live");
  }
  assert.equal(existsSync(fileOf(root, handleFrom("a"))), false);
});

test("text of every kind comes back as it was: lone surrogates, control characters, a line of any length", async (context) => {
  const { store } = open(context);
  const texts = [
    "",
    "\n",
    "\0",
    "\uFEFFmark",
    "\u2028\u2029",
    "\uD800 alone \uDFFF",
    "🦊",
    '"}\n{"sojourn":1',
    "é".repeat(100_000),
  ];
  for (const [index, data] of texts.entries()) {
    const session = await created(store, { handle: handleFrom(String(index)), data, userId: data.slice(0, 255) });
    assert.deepEqual(await store.load(session.handle), { status: "live", record: session, userEpoch: 0 });
    assert.deepEqual(await usersOf(store).sessionsOf(session.userId ?? ""), [session]);
  }
});

/** Ways to damage a file, each on a fresh one. */
const damages: Record<string, (path: string) => void> = {
  "is empty": (path) => truncateSync(path, 0),
  "has one byte too many": (path) => appendFileSync(path, "x"),
  "has a line too many": (path) => appendFileSync(path, "{}\n"),
  "has no data": (path) => writeFileSync(path, `${readFileSync(path, "utf8").split("\n")[0]}\n`),
  "has data that is no text": (path) => writeFileSync(path, `${readFileSync(path, "utf8").split("\n")[0]}\n{}\n`),
  "is full of zeros": (path) => writeFileSync(path, Buffer.alloc(statSync(path).size)),
  "is not UTF-8": (path) =>
    writeFileSync(path, Buffer.concat([readFileSync(path).subarray(0, -2), Buffer.from([0xff, 0x22, 0x0a])])),
  "is of a newer version": (path) => writeFileSync(path, readFileSync(path, "utf8").replace('"sojourn":1', '"sojourn":2')),
  "is in a state nobody knows": (path) => writeFileSync(path, readFileSync(path, "utf8").replace('"live"', '"asleep"')),
  "has a time that is text": (path) =>
    writeFileSync(path, readFileSync(path, "utf8").replace(/"expiresAt":\d+/, '"expiresAt":"soon"')),
  "is JSON of something else": (path) => writeFileSync(path, "[]\n"),
  "is another session's": (path) => writeFileSync(path, readFileSync(path, "utf8").replace(/"handle":"a/, '"handle":"b')),
  "points out of the store": (path) =>
    writeFileSync(path, readFileSync(path, "utf8").replace("}", ',"rotation":{"handle":"../../../etc/passwd","mark":"m"}}')),
  "is a symbolic link to the same": (path) => {
    const elsewhere = join(dirname(path), "elsewhere");
    copyFileSync(path, elsewhere);
    rmSync(path);
    symlinkSync(elsewhere, path);
  },
  "is a symbolic link to nothing": (path) => {
    rmSync(path);
    symlinkSync("nowhere", path);
  },
};
if (process.platform !== "win32") {
  damages["is a pipe"] = (path) => {
    rmSync(path);
    execFileSync("mkfifo", [path]);
  };
}

for (const [what, damage] of Object.entries(damages)) {
  test(`a file that ${what} is unreadable: never missing, never written onto, and it can be ended`, async (context) => {
    const { root, store } = open(context);
    const session = await created(store, { userId: "ann", data: "data" });
    const neighbour = await created(store, { handle: handleFrom("b"), userId: "ann" });
    const path = fileOf(root, session.handle);
    damage(path);
    const { ino, mtimeMs } = lstatSync(path);
    const heir = { ...session, handle: handleFrom("c"), version: "heir" };
    await refused(() => store.load(session.handle), "ERR_SESSION_UNREADABLE");
    await refused(() => store.save({ ...session, version: "w" }, session.version), "ERR_SESSION_UNREADABLE");
    await refused(() => store.touch(session.handle, session.version, NOW + 99 * MINUTE), "ERR_SESSION_UNREADABLE");
    await refused(() => store.rotate?.(session.handle, session.version, heir, tombstone()), "ERR_SESSION_UNREADABLE");
    await refused(() => store.retire(session.handle, tombstone(), session.version), "ERR_SESSION_UNREADABLE");
    await refused(() => store.list?.({ limit: 10 }), "ERR_SESSION_UNREADABLE");
    assert.deepEqual(await store.create({ ...session, version: "w" }), { status: "exists" });
    assert.deepEqual(await store.load(heir.handle), { status: "missing" });
    age(join(root, "users"));
    assert.deepEqual(await usersOf(store).sessionsOf("ann"), [neighbour], "the user's other sessions can still be ended");
    assert.equal(await store.clearExpired?.({ before: NOW, limit: 10 }), 0);
    const after = lstatSync(path);
    assert.deepEqual([after.ino, after.mtimeMs], [ino, mtimeMs], "it is still the very same file");
    const mine = tombstone();
    assert.deepEqual(await store.retire(session.handle, mine), { status: "retired", tombstone: mine });
    assert.deepEqual(await store.load(session.handle), { status: "retired", tombstone: mine });
    assert.deepEqual(await usersOf(store).sessionsOf("ann"), [neighbour]);
    assert.equal(await store.clearExpired?.({ before: Number.MAX_SAFE_INTEGER, limit: 10 }), 2);
  });
}

test("a file that was cut anywhere is unreadable", async (context) => {
  const { root, store } = open(context);
  const session = await created(store);
  const path = fileOf(root, session.handle);
  const whole = readFileSync(path);
  for (let length = whole.length - 1; length >= 0; length--) {
    truncateSync(path, length);
    await refused(() => store.load(session.handle), "ERR_SESSION_UNREADABLE");
  }
  writeFileSync(path, whole);
  assert.deepEqual(await store.load(session.handle), { status: "live", record: session });
});

test("a damaged tombstone or heir keeps a rotation from being lost", async (context) => {
  const { root, store } = open(context);
  const session = await created(store);
  const heir = { ...session, handle: handleFrom("b"), version: "heir" };
  await store.rotate?.(session.handle, session.version, heir, tombstone({ reason: "rotated", until: NOW }));
  const [old, fresh] = [fileOf(root, session.handle), fileOf(root, heir.handle)];
  const [oldText, freshText] = [readFileSync(old), readFileSync(fresh)];
  writeFileSync(old, "");
  await refused(() => store.load(heir.handle), "ERR_SESSION_UNREADABLE");
  writeFileSync(old, oldText);
  writeFileSync(fresh, "");
  assert.equal(await store.clearExpired?.({ before: NOW, limit: 10 }), 0, "the tombstone still tells that it was rotated");
  writeFileSync(fresh, freshText);
  assert.equal(await store.clearExpired?.({ before: NOW, limit: 10 }), 1);
  assert.deepEqual(await store.load(session.handle), { status: "missing" });
  assert.deepEqual(await store.load(heir.handle), { status: "live", record: heir });
});

test("a damaged epoch is unreadable, and nobody passes under it", async (context) => {
  const { root, store } = open(context);
  const session = await created(store, { userId: "ann" });
  await usersOf(store).advanceEpoch("ann", 3);
  const [path] = filesIn(join(root, "epochs"));
  assert.ok(path !== undefined);
  for (const text of [
    "",
    "{}\n",
    '{"sojourn":1,"state":"epoch","epoch":"4"}\n',
    '{"sojourn":1,"state":"epoch","epoch":4}',
  ]) {
    writeFileSync(join(root, "epochs", path), text);
    await refused(() => store.load(session.handle), "ERR_SESSION_UNREADABLE");
    await refused(
      () => store.create(record({ handle: handleFrom("b"), userId: "ann", epoch: 9 })),
      "ERR_SESSION_UNREADABLE",
    );
    await refused(() => usersOf(store).advanceEpoch("ann", 9), "ERR_SESSION_UNREADABLE");
    assert.equal(readFileSync(join(root, "epochs", path), "utf8"), text);
  }
});

test("files that are not the store's own are left alone", async (context) => {
  const { root, store } = open(context);
  const session = await created(store, { userId: "ann" });
  const folders = [dirname(fileOf(root, session.handle)), join(root, "users", "9c"), join(root, "sessions", "readme")];
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  const others = [
    ...folders.map((folder) => join(folder, "NOTES.txt")),
    join(root, "README"),
    join(root, "sessions", "x.json"),
    join(root, "users", "9c", "9cars.txt"),
  ];
  for (const other of others) writeFileSync(other, "mine");
  age(root);
  assert.deepEqual(await store.list?.({ limit: 10 }), [session]);
  assert.equal(await store.clearExpired?.({ before: Number.MAX_SAFE_INTEGER, limit: 10 }), 1);
  // Each pass looks through one of the 256 parts of the users' index.
  for (let pass = 1; pass < 256; pass++) assert.equal(await store.clearExpired?.({ before: 0, limit: 10 }), 0);
  for (const other of others) assert.equal(readFileSync(other, "utf8"), "mine");
});

test("batch after batch, a sweep goes on where the one before it ended, and finds everything", async (context) => {
  const root = temporaryFolder(context);
  const store = fileStore({ dir: root, sync: "none" });
  const over = Array.from({ length: 120 }, () => handleOf(newSessionId()));
  for (const handle of over) await created(store, { handle, expiresAt: NOW });
  const kept = await created(store, { expiresAt: NOW + 1 });
  assert.deepEqual(await sweep(store, NOW, 50), [50, 50, 20]);
  assert.deepEqual(await store.list?.({ limit: 10 }), [kept]);
  assert.equal(filesIn(root).length, 1);
  assert.equal(await store.clearExpired?.({ before: NOW + 1, limit: 0 }), 0);
});

test("an error says what failed, and holds no path: paths hold handles", async (context) => {
  const { root, store } = open(context);
  const session = await created(store);
  rmSync(dirname(fileOf(root, session.handle)), { recursive: true });
  writeFileSync(dirname(fileOf(root, session.handle)), "in the way");
  const elsewhere = fileStore({ dir: root, sync: "none" });
  const error = await refused(() => elsewhere.load(session.handle), "ERR_SESSION_STORE");
  assert.equal(error.applied, "no");
  assert.match(error.message, /something stands where a folder must be \(ENOTDIR\)/);
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    assert.ok(!JSON.stringify([cause.message, { ...cause }]).includes(session.handle.slice(0, 20)));
  }
  assert.ok(isSessionError(error) && error.cause instanceof Error);
});
