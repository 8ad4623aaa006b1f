import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { handleOf, type SessionId } from "../../src/core/id.ts";
import { blocksOf, fileOf } from "./pages.ts";
import { CONDITION, cookieOf, newFolder } from "./running.ts";

const PAGE = "docs/tutorial.md";

const { path: folder, remove } = newFolder("tutorial");
let server: ChildProcess;
let url: string;

before(async () => {
  for (const name of ["counter.ts", "decipher.ts", "app.ts"]) writeFileSync(join(folder, name), fileOf(PAGE, name));
  server = spawn(process.execPath, [CONDITION, "counter.ts"], { cwd: folder, env: { ...process.env, PORT: "0" } });
  const [said] = (await once(server.stdout!, "data")) as [Buffer];
  url = said.toString().trim();
});

after(async () => {
  server.kill();
  await once(server, "exit");
  remove();
});

test("the tutorial's counter counts, and its headers are those that the page shows", async () => {
  const first = await fetch(url);
  assert.equal(await first.text(), "No count in session. Setting to 1\n");
  const [shown = ""] = blocksOf(PAGE, "http");
  const id = /sid=([\w-]{32});/;
  for (const line of shown.trim().split("\n").slice(1)) {
    const [name = "", value = ""] = line.split(": ");
    assert.equal(first.headers.get(name)?.replace(id, "sid=ID;"), value.replace(id, "sid=ID;"));
  }
  const cookie = cookieOf(first);
  const second = await fetch(url, { headers: { cookie } });
  assert.equal(await second.text(), "new count=2\n");
});

test("the tutorial's script deciphers the cookie, and its table holds the id's hash", async () => {
  const cookie = cookieOf(await fetch(url));
  const value = cookie.slice("sid=".length);
  const run = (...args: string[]) => promisify(execFile)(process.execPath, args, { cwd: folder });
  const { stdout } = await run(CONDITION, "decipher.ts", value);
  assert.match(stdout, /^\{ count: 1 \} \d{4}-/);
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(join(folder, "sessions.db"));
  const row = database
    .prepare("SELECT * FROM sojourn_sessions_readable WHERE session_handle = ?")
    .get(handleOf(value as SessionId));
  database.close();
  assert.deepEqual([row?.["session_state"], row?.["session_data"]], ["live", 'j1:{"count":1}']);
  const columns = blocksOf(PAGE, "console")
    .join("")
    .matchAll(/^ *(\w+) = ?/gm);
  assert.deepEqual(
    [...columns].map(([, name]) => name),
    Object.keys(row!),
  );
});

test("the tutorial's app counts, with the user's own middleware around it", async () => {
  const home = process.cwd();
  process.chdir(folder);
  try {
    const { app } = (await import(pathToFileURL(join(folder, "app.ts")).href)) as {
      readonly app: (request: Request) => Promise<Response>;
    };
    const first = await app(new Request("https://counter.example/"));
    assert.deepEqual(
      [await first.text(), first.headers.get("x-served-by")],
      ["No count in session. Setting to 1", "counter"],
    );
    const cookie = cookieOf(first);
    assert.match(cookie, /^__Host-sid=/);
    const second = await app(new Request("https://counter.example/", { headers: { cookie } }));
    assert.equal(await second.text(), "new count=2");
  } finally {
    process.chdir(home);
  }
});
