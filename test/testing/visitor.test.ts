import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import request from "supertest";
import { nodeSession } from "../../src/adapters/node.ts";
import { createSessions } from "../../src/index.ts";
import { cookieStore } from "../../src/stores/cookie.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { visitor } from "../../src/testing/index.ts";

interface Visit {
  cart?: string[];
}

const CHROMIUM = "/usr/bin/chromium";
const missing = existsSync(CHROMIUM) ? false : `there is no ${CHROMIUM}`;
if (missing && process.env["CI"] === "true") throw new Error(`The browser's tests cannot run: ${missing}`);

const stores = {
  "a store": () => memoryStore(),
  "a cookie store": () => cookieStore({ keys: randomBytes(32) }),
};

for (const [kind, store] of Object.entries(stores)) {
  describe(`a visitor over ${kind}`, () => {
    const sessions = createSessions<Visit>({ store: store() });
    const server: Server = createServer(
      nodeSession(sessions).wrap(async (req, res) => {
        const session = sessions.of(req);
        const { cart = [] } = await session.load();
        res.end(`${session.userId}: ${cart.join(", ")}`);
      }),
    );
    let origin = "";

    before(async () => {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      origin = `http://localhost:${(server.address() as AddressInfo).port}`;
    });
    after(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await sessions.close();
    });

    test("is logged in with fetch", async () => {
      const ada = await visitor(sessions, { userId: "ada", data: { cart: ["tea"] } });
      const response = await fetch(origin, { headers: { cookie: ada.cookieHeader } });
      assert.equal(await response.text(), "ada: tea");
    });

    test("is logged in with supertest", async () => {
      const ada = await visitor(sessions, { userId: "ada", data: { cart: ["tea", "milk"] } });
      await request(server).get("/").set("cookie", ada.cookieHeader).expect(200, "ada: tea, milk");
    });

    test("has a session of large data", async () => {
      const cart = Array.from({ length: 30 }, () => randomBytes(60).toString("base64"));
      const guest = await visitor(sessions, { data: { cart } });
      const response = await fetch(origin, { headers: { cookie: guest.cookieHeader } });
      assert.equal(await response.text(), `null: ${cart.join(", ")}`);
    });

    test("is logged in in Chromium", { skip: missing }, async () => {
      const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
      try {
        const ada = await visitor(sessions, { userId: "ada", data: { cart: ["coffee"] } });
        const context = await browser.newContext();
        await context.addCookies(ada.playwrightCookies(origin));
        const page = await context.newPage();
        await page.goto(origin);
        assert.equal(await page.textContent("body"), "ada: coffee");
      } finally {
        await browser.close();
      }
    });
  });
}

test("a visitor can be nobody in particular, and ends like any other", async () => {
  const sessions = createSessions<Visit>({ store: memoryStore() });
  const guest = await visitor(sessions);
  assert.deepEqual((await sessions.find(guest.handle))?.data, {});
  assert.equal(await sessions.revoke(guest.id ?? ""), true);
  assert.equal(await sessions.find(guest.handle), null);
});

test("the cookies for Playwright say what the configuration says", async () => {
  const plain = createSessions({ store: memoryStore(), cookie: { name: "app", secure: false, sameSite: "strict" } });
  const [cookie] = (await visitor(plain)).playwrightCookies("http://127.0.0.1:3000/deep/page?x=1");
  const { value, expires, ...rest } = cookie!;
  assert.match(value, /^[\w-]{32}$/);
  assert.ok(Math.abs(expires - Date.now() / 1000 - 1_209_600) < 10, `${expires}`);
  const attributes = { httpOnly: true, secure: false, sameSite: "Strict" };
  assert.deepEqual(rest, { name: "app", domain: "127.0.0.1", path: "/", ...attributes });

  const shared = createSessions({
    store: memoryStore(),
    cookie: { domain: "example.com", path: "/shop", httpOnly: false, sameSite: false },
    expireAtBrowserClose: true,
  });
  const [wide] = (await visitor(shared)).playwrightCookies("https://shop.example.com/");
  const { name, domain, path, expires: ends, httpOnly, secure, sameSite } = wide!;
  assert.deepEqual([name, domain, path, ends], ["sid", ".example.com", "/shop", -1]);
  assert.deepEqual([httpOnly, secure, sameSite], [false, true, undefined]);
});
