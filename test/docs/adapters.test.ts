import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { blocksOf, textOf } from "./pages.ts";
import { cookieOf, newFolder, runServer } from "./running.ts";

type Ask = (path: string, init?: RequestInit) => Promise<Response>;

async function assertCounts(ask: Ask): Promise<void> {
  const first = await ask("/");
  assert.equal(await first.text(), "No count in session. Setting to 1");
  const cookie = cookieOf(first);
  for (const count of [2, 3]) {
    const next = await ask("/", { headers: { cookie } });
    assert.equal(await next.text(), `new count=${count}`);
  }
}

for (const name of ["node", "express", "fastify", "koa"]) {
  test(`the example of docs/adapters/${name}.md counts`, async () => {
    const code = blocksOf(`docs/adapters/${name}.md`, "ts").at(-1) ?? "";
    const { url, stop } = await runServer(code);
    try {
      await assertCounts((path, init) => fetch(url + path, init));
    } finally {
      await stop();
    }
  });
}

for (const name of ["fetch", "hono"]) {
  test(`the example of docs/adapters/${name}.md counts`, async () => {
    const folder = newFolder(name);
    const home = process.cwd();
    process.chdir(folder.path);
    try {
      const file = join(folder.path, "page.ts");
      writeFileSync(file, blocksOf(`docs/adapters/${name}.md`, "ts")[0] ?? "");
      const { default: app } = (await import(pathToFileURL(file).href)) as {
        readonly default: { fetch(request: Request): Promise<Response> };
      };
      await assertCounts((path, init) => app.fetch(new Request(`https://counter.example${path}`, init)));
    } finally {
      process.chdir(home);
      folder.remove();
    }
  });
}

test("every adapter's page has the same headings, and so has every store's", () => {
  const headingsOf = (page: string) => [...textOf(page).matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
  for (const name of ["fetch", "node", "express", "fastify", "koa", "hono"]) {
    assert.deepEqual(headingsOf(`docs/adapters/${name}.md`), ["Setup", "Example", "How it hooks in", "Limits"], name);
  }
  for (const name of ["memory", "file", "sqlite", "cookie"]) {
    assert.deepEqual(
      headingsOf(`docs/stores/${name}.md`),
      ["Setup", "Example", "Expiry", "What it guarantees", "Limits"],
      name,
    );
  }
});
