import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { type Browser, type BrowserContext, chromium } from "playwright-core";
import { nodeSession } from "../../src/adapters/node.ts";
import { createSessions } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { visitor } from "../../src/testing/index.ts";

const PROGRAM = "/usr/bin/chromium";
const ARGUMENTS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

interface Visit {
  count?: number;
  name?: string;
}

const missing = existsSync(PROGRAM) ? false : `there is no ${PROGRAM}; Debian and Ubuntu: apt-get install chromium`;
if (missing && process.env["CI"] === "true") throw new Error(`The browser's tests cannot run: ${missing}`);

describe("in a real Chromium", { skip: missing }, () => {
  const sessions = createSessions<Visit>({ store: memoryStore() });
  const server = createServer(
    nodeSession(sessions).wrap(async (request, response) => {
      const session = sessions.of(request);
      const { pathname } = new URL(request.url ?? "/", "http://localhost");
      if (pathname === "/set-and-go") {
        (await session.load()).name = "set before the redirect";
        response.writeHead(303, { location: "/name" }).end();
      } else if (pathname === "/name") {
        response.end((await session.load()).name ?? "no name");
      } else if (pathname === "/login") {
        await session.login("ada");
        response.end("in");
      } else if (pathname === "/who") {
        await session.load();
        response.end(session.userId ?? "nobody");
      } else if (pathname === "/logout") {
        await session.logout();
        response.end("out");
      } else if (pathname === "/plain") {
        response.end("<!doctype html><title>plain</title>");
      } else if (pathname !== "/") {
        // The browser's own wish for an icon.
        response.writeHead(404).end();
      } else {
        response.end(`new count=${await session.update((visit) => (visit.count = (visit.count ?? 0) + 1))}`);
      }
    }),
  );
  let browser: Browser;
  let context: BrowserContext;
  let origin: string;

  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    // Browsers take `localhost` for a secure place, so the very cookie of production can be tried without TLS.
    origin = `http://localhost:${(server.address() as AddressInfo).port}`;
    browser = await chromium.launch({ executablePath: PROGRAM, args: ARGUMENTS.split(" ") });
    context = await browser.newContext();
  });
  after(async () => {
    await browser?.close();
    server.closeAllConnections();
    server.close();
    await sessions.close();
  });

  const see = async (path: string, from = context) => {
    const page = await from.newPage();
    try {
      await page.goto(origin + path);
      return await page.locator("body").innerText();
    } finally {
      await page.close();
    }
  };

  test("the counter counts, under a __Host- cookie that scripts cannot read", async () => {
    assert.equal(await see("/"), "new count=1");
    assert.equal(await see("/"), "new count=2");
    const [cookie, ...others] = await context.cookies(origin);
    assert.ok(cookie);
    assert.deepEqual(others, []);
    assert.deepEqual(
      [cookie.name, cookie.httpOnly, cookie.secure, cookie.sameSite, cookie.path],
      ["__Host-sid", true, true, "Lax", "/"],
    );
    const page = await context.newPage();
    await page.goto(`${origin}/plain`);
    assert.equal(await page.evaluate("document.cookie"), "");
    await page.close();
  });

  test("50 requests of one page at once count exactly", async () => {
    const page = await context.newPage();
    await page.goto(`${origin}/plain`);
    const start = Number((await see("/")).split("=")[1]);
    const counts = await page.evaluate(
      "Promise.all(Array.from({ length: 50 }, () => fetch('/').then((answer) => answer.text())))",
    );
    const numbers = (counts as string[]).map((text) => Number(text.split("=")[1])).toSorted((a, b) => a - b);
    assert.deepEqual(
      numbers,
      Array.from({ length: 50 }, (_, index) => start + 1 + index),
    );
    await page.close();
  });

  test("a redirect that the browser follows at once sees what was set before it", async () => {
    for (let time = 0; time < 10; time++) {
      const fresh = await browser.newContext();
      assert.equal(await see("/set-and-go", fresh), "set before the redirect");
      await fresh.close();
    }
  });

  test("a login gives the browser a new id, a logout takes it away, and the old ids open nothing", async () => {
    const anonymous = (await context.cookies(origin))[0]!;
    assert.equal(await see("/login"), "in");
    const known = (await context.cookies(origin))[0]!;
    assert.notEqual(known.value, anonymous.value);
    assert.equal(await see("/who"), "ada");
    assert.equal(await see("/logout"), "out");
    assert.deepEqual(await context.cookies(origin), []);
    for (const old of [anonymous, known]) {
      const thief = await browser.newContext();
      await thief.addCookies([old]);
      assert.equal(await see("/who", thief), "nobody");
      await thief.close();
    }
  });

  test("a page that never asks for the session sets no cookie", async () => {
    const fresh = await browser.newContext();
    await see("/plain", fresh);
    assert.deepEqual(await fresh.cookies(origin), []);
    await fresh.close();
  });

  test("a visitor of sojourn/testing is logged in in the browser", async () => {
    const ada = await visitor(sessions, { userId: "ada", data: { name: "Ada" } });
    const fresh = await browser.newContext();
    await fresh.addCookies(ada.playwrightCookies(origin));
    assert.deepEqual([await see("/who", fresh), await see("/name", fresh)], ["ada", "Ada"]);
    await fresh.close();
  });
});
