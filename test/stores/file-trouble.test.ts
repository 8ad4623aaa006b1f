import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { fileStore } from "../../src/stores/file.ts";
import { handleFrom, record, refused, temporaryFolder, tombstone, usersOf } from "./file/support.ts";

const PROGRAM = fileURLToPath(new URL("file/trouble.ts", import.meta.url));
const ci = process.env["CI"] === "true";

interface Told {
  readonly session: object;
  readonly answers: Readonly<Record<string, unknown>>;
  readonly loaded: unknown;
  readonly unchanged: boolean;
  readonly afterwards: Readonly<Record<string, { readonly status?: string }>>;
}

/** Runs the program for one kind of trouble, in a shell that prepares the machine for it. */
function run(
  script: string,
  task: string,
  root: string,
  ...wrapper: readonly string[]
): { readonly failure: string; readonly output: string } {
  const shell = [
    "sh",
    "-c",
    `${script} && exec "$0" "$@"`,
    process.execPath,
    "--conditions=sojourn:source",
    PROGRAM,
    task,
    root,
  ];
  const [file, ...args] = [...wrapper, ...shell];
  const { status, stdout, stderr } = spawnSync(file ?? "sh", args, { encoding: "utf8" });
  return { failure: status === 0 ? "" : `exit ${status}: ${stderr}`, output: stdout };
}

function folderFor(context: TestContext): string {
  const folder = temporaryFolder(context);
  // The process that gives up its rights has to get there.
  chmodSync(folder, 0o755);
  const root = join(folder, "sessions");
  mkdirSync(root);
  return root;
}

function check(output: string, expected: (call: string) => RegExp | undefined): void {
  const { session, answers, loaded, unchanged, afterwards } = JSON.parse(output) as Told;
  for (const [call, answer] of Object.entries(answers)) {
    const pattern = expected(call);
    if (pattern === undefined) assert.notEqual(typeof answer, "string", `${call}: ${String(answer)}`);
    else assert.match(String(answer), pattern, call);
  }
  assert.deepEqual(loaded, { status: "live", record: session, userEpoch: 0 }, "the session is as it was");
  assert.ok(unchanged, "nothing is left behind");
  const { load, create, save, retire, ...others } = afterwards;
  assert.deepEqual([load?.status, create?.status, save?.status, retire?.status], ["live", "created", "saved", "retired"]);
  for (const [call, answer] of Object.entries(others))
    assert.notEqual(typeof answer, "string", `${call}: ${String(answer)}`);
}

const posix = process.platform === "win32" ? "it needs a POSIX system" : false;

test("with too many files open, every call says so and changes nothing", { skip: posix }, (context) => {
  const { failure, output } = run("ulimit -n 64", "emfile", folderFor(context));
  assert.equal(failure, "");
  check(output, () => /^ERR_SESSION_STORE no .*too many files open \(EMFILE\)/);
});

test("in a folder that may not be written, sessions are read and every change is refused", { skip: posix }, (context) => {
  const { failure, output } = run("true", "unwritable", folderFor(context));
  assert.equal(failure, "");
  check(output, (call) =>
    call === "load" ? undefined : /^ERR_SESSION_STORE no .*may not be written or read by this user \(EACCES\)/,
  );
});

test("on a full disk, sessions are read and every change is refused", { skip: posix }, (context) => {
  const root = folderFor(context);
  const mount = `mount -t tmpfs -o size=256k none "${root}"`;
  const { failure, output } = run(mount, "full", root, "unshare", "--user", "--map-root-user", "--mount");
  if (/unshare|mount|ENOENT/.test(failure) && !ci) {
    return context.skip(`it needs a small file system of its own, and this machine does not let it mount one: ${failure}`);
  }
  assert.equal(failure, "");
  check(output, (call) => {
    if (call === "load" || call === "clear expired") return undefined;
    return /^ERR_SESSION_STORE no .*the disk is full \(ENOSPC\)/;
  });
});

test("when the store's folder is gone, nothing is taken as missing, and the folder is not made anew", async (context) => {
  const root = folderFor(context);
  const store = fileStore({ dir: root, sync: "none" });
  const session = record({ userId: "ann" });
  await store.create(session);
  rmSync(root, { recursive: true });
  const calls = [
    () => store.load(session.handle),
    () => store.load(handleFrom("9")),
    () => store.create(record({ handle: handleFrom("b") })),
    () => store.create(record({ handle: handleFrom("b"), userId: "ann" })),
    () => store.save(session, session.version),
    () => store.touch(session.handle, session.version, session.expiresAt + 1),
    () => store.retire(session.handle, tombstone()),
    () => store.rotate?.(session.handle, session.version, record({ handle: handleFrom("b") }), tombstone()),
    () => store.list?.({ limit: 10 }),
    () => store.clearExpired?.({ before: 0, limit: 10 }),
    () => usersOf(store).epoch("ann"),
    () => usersOf(store).advanceEpoch("ann", 1),
    () => usersOf(store).sessionsOf("ann"),
  ];
  for (const call of calls) {
    const error = await refused(call, "ERR_SESSION_STORE");
    assert.equal(error.applied, "no");
    assert.match(error.message, /its folder is gone \(ENOENT\)/);
  }
  await refused(() => fileStore(join(root, "sub")), "ERR_SESSION_CONFIG");
  mkdirSync(root);
  assert.deepEqual(await store.load(session.handle), { status: "missing" });
  assert.deepEqual(await store.create(session), { status: "created" });
});
