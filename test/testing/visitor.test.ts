import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import express from "express";
import supertest from "supertest";
import { expressSession } from "../../src/adapters/express.ts";
import { nodeSession } from "../../src/adapters/node.ts";
import { createSessions } from "../../src/index.ts";
import { cookieStore } from "../../src/stores/cookie.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { visitor } from "../../src/testing/index.ts";

interface Visit {
  cart?: string[];
}

async function serve(t: TestContext, server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a visitor is logged in for fetch", async (t) => {
  const sessions = createSessions<Visit>({ store: memoryStore() });
  const listener = nodeSession(sessions).wrap(async (request, response) => {
    const { cart } = await sessions.of(request).load();
    response.end(`${sessions.of(request).userId}: ${cart?.join()}`);
  });
  const url = await serve(t, createServer(listener));
  const ada = await visitor(sessions, { userId: "ada", data: { cart: ["book"] } });
  assert.equal(await (await fetch(url, { headers: { cookie: ada.cookieHeader } })).text(), "ada: book");
  assert.equal(await (await fetch(url)).text(), "null: undefined");
});

test("a visitor is logged in for supertest", async () => {
  const sessions = createSessions<Visit>({ store: memoryStore() });
  const app = express().use(expressSession(sessions));
  app.get("/", async (req, res) => {
    await sessions.of(req).load();
    res.send(sessions.of(req).userId);
  });
  const ada = await visitor(sessions, { userId: "ada" });
  await supertest(app).get("/").set("cookie", ada.cookieHeader).expect(200, "ada");
});

test("a visitor of a cookie store carries its session along, in as many cookies as it takes", async (t) => {
  const keys = createHash("sha256").update("a key for this test").digest("base64url");
  const sessions = createSessions<Visit>({ store: cookieStore({ keys }) });
  const listener = nodeSession(sessions).wrap(async (request, response) => {
    response.end(String((await sessions.of(request).load()).cart?.length));
  });
  const url = await serve(t, createServer(listener));
  const cart = Array.from({ length: 300 }, (_, index) => `item ${index}`);
  const ada = await visitor(sessions, { data: { cart } });
  assert.ok(ada.playwrightCookies(url).length > 1);
  assert.equal(await (await fetch(url, { headers: { cookie: ada.cookieHeader } })).text(), "300");
});
