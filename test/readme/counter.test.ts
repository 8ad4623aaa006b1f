import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { killCounters, launch, start, textOf, visitor } from "./counter.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "sojourn-counter-"));
});

after(() => {
  killCounters();
  rmSync(folder, { recursive: true });
});

test("npm start serves a counter that survives a restart", async () => {
  const ada = visitor();
  const first = await start(folder);
  assert.equal(await textOf(ada.get(first.url)), "No count in session. Setting to 1\n");
  assert.equal(await textOf(ada.get(first.url)), "new count=2\n");
  assert.equal(await textOf(visitor().get(first.url)), "No count in session. Setting to 1\n");
  assert.equal(await first.stop(), 0);
  assert.match(first.said(), /Stopped\.\n$/);
  const second = await start(folder);
  assert.equal(await textOf(ada.get(second.url)), "new count=3\n");
  assert.equal(await second.stop(), 0);
});

test("the counter counts exactly when requests run at once", async () => {
  const { url, stop } = await start(folder);
  const ada = visitor();
  await ada.get(url);
  const texts = await Promise.all(Array.from({ length: 50 }, () => textOf(ada.get(url))));
  const counts = texts.map((text) => Number(text.replace("new count=", ""))).sort((a, b) => a - b);
  assert.deepEqual(
    counts,
    Array.from({ length: 50 }, (_, index) => index + 2),
  );
  await stop();
});

test("a browser gets a page, a session page, and a logout that ends the session", async () => {
  const { url, stop } = await start(folder);
  const ada = visitor();
  const page = await ada.get(url, { headers: { accept: "text/html,application/xhtml+xml" } });
  assert.match(page.headers.get("content-type")!, /^text\/html/);
  const html = await page.text();
  assert.match(html, /No count in session\. Setting to 1/);
  assert.match(html, /<form method="post" action="\/logout">/);
  const kept = ada.cookie();
  const shown = JSON.parse(await textOf(ada.get(`${url}/session`))) as { readonly data: unknown; readonly handle: string };
  assert.deepEqual(shown.data, { count: 1 });
  assert.match(shown.handle, /^[0-9a-f]{48}$/);
  const logout = await ada.get(`${url}/logout`, { method: "POST" });
  assert.deepEqual([logout.status, logout.headers.get("location"), ada.cookie()], [303, "/", ""]);
  const replayed = await fetch(`${url}/session`, { headers: { cookie: kept } });
  assert.equal(await replayed.text(), "There is no session yet.\n");
  assert.equal((await fetch(`${url}/favicon.ico`)).status, 404);
  await stop();
});

test("the cookie that it set is deciphered by the command that it prints", async () => {
  const { url, said, stop } = await start(folder);
  const ada = visitor();
  await ada.get(url);
  await ada.get(url);
  const command = /npx sojourn (\w+) VALUE/.exec(said())?.[1];
  assert.ok(command, said());
  const value = ada.cookie().slice("sid=".length);
  const sojourn = ["--conditions=sojourn:source", join(root, "src/cli/main.ts")];
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [...sojourn, command, value], { cwd: folder });
  assert.match(stdout, /"?count"?: 2/);
  assert.ok(!stdout.includes(value), "the id is not shown again");
  await stop();
});

test("a port that is taken is a clear message, and no crash", async () => {
  const blocker = createServer().listen(0, "127.0.0.1");
  await once(blocker, "listening");
  const { port } = blocker.address() as AddressInfo;
  const { child, said } = launch(folder, { PORT: String(port) });
  const [code] = (await once(child, "exit")) as [number | null];
  assert.equal(code, 1);
  assert.equal(said(), `Port ${port} is in use. Choose another one: PORT=${port + 1} npm start\n`);
  blocker.close();
});

test("a PORT that is no port is a clear message, and no crash", async () => {
  const { child, said } = launch(folder, { PORT: "http" });
  const [code] = (await once(child, "exit")) as [number | null];
  assert.deepEqual([code, said()], [1, "PORT must be a number from 0 to 65535.\n"]);
});
