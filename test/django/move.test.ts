import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { after, describe, test } from "node:test";
import { nodeSession } from "../../src/adapters/node.ts";
import { richCodec } from "../../src/codec/rich.ts";
import type { Session } from "../../src/core/session.ts";
import { handleOf } from "../../src/core/id.ts";
import { createSessions, memoryStore, type SessionId } from "../../src/index.ts";
import { djangoLogin, djangoSessions, djangoUser, moveFromDjango, moveToDjango } from "../../src/django/index.ts";
import { askPort, Browser } from "./site.ts";

type Visit = Session;
type Handler = (own: Visit, django: Visit) => Promise<unknown>;

const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** A server with both kinds of sessions, which does what the test says next; and the users that may log in. */
async function bothSides(signed = false) {
  const database = new DatabaseSync(":memory:");
  database.exec("CREATE TABLE django_session (session_key text PRIMARY KEY, session_data text, expire_date text)");
  const users = new Map([["7", { password: "pbkdf2$7" }]]);
  const cookie = { secure: false };
  const django = djangoSessions({
    secretKey: "secret",
    engine: signed ? { name: "signed_cookies" } : { name: "db", database: { sqlite: database } },
    cookie,
  });
  const store = memoryStore();
  const own = createSessions({ store, cookie, codec: richCodec() });
  const findUser = (id: string): { password: string } | undefined => users.get(id);
  const [withOwn, withDjango] = [
    nodeSession(own, { onError: () => undefined }),
    nodeSession(django, { onError: () => undefined }),
  ];
  let handler: Handler;
  const server = createServer(
    withOwn.wrap((req, res) =>
      withDjango.wrap(async () => {
        const answer = await handler(own.of(req), django.of(req));
        res.end(JSON.stringify(answer ?? null));
      })(req, res),
    ),
  );
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const visit = (browser: Browser, next: Handler): Promise<unknown> => {
    handler = next;
    return askPort(port, browser, "/");
  };
  const from: Handler = (session, old) => moveFromDjango(session, old, { findUser });
  const to: Handler = (old, session) => moveToDjango(session, old, { findUser });
  const rows = (): number => Number(Object.values(database.prepare("SELECT COUNT(*) FROM django_session").get() ?? {})[0]);
  return { visit, users, own, store, from, to, rows, findUser, browser: new Browser() };
}

async function countOf(items: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _item of items) count++;
  return count;
}

const inDjango: Handler = async (_own, django) => {
  Object.assign(await django.load(), { cart: [1], big: 2n ** 60n });
  await django.flash.add("hello", "warning");
  django.setExpiry(600);
  await djangoLogin(django, { id: "7", password: "pbkdf2$7" });
};

describe("moveFromDjango", () => {
  for (const signed of [false, true]) {
    test(`takes over data, user, messages and expiry, and ends the old session${signed ? ", from signed cookies" : ""}`, async () => {
      const { visit, from, rows, browser } = await bothSides(signed);
      await visit(browser, inDjango);
      assert.equal(await visit(browser, from), true);
      assert.equal(rows(), 0);
      const seen = await visit(browser, async (own) => {
        const data = await own.load();
        const messages = await own.flash.take();
        return [
          { ...data, big: String(data["big"]) },
          own.userId,
          own.matchesCredential("pbkdf2$7"),
          messages,
          own.expiryAge > 598,
        ];
      });
      const messages = [{ message: "hello", level: "warning" }];
      assert.deepEqual(seen, [{ cart: [1], big: String(2n ** 60n) }, "7", true, messages, true]);
      assert.equal(browser.session, undefined, "Django's cookie is gone");
      assert.equal(await visit(browser, from), false);
    });
  }

  test("does nothing where there is a new session already, or no old one", async () => {
    const { visit, from, browser, rows } = await bothSides();
    assert.equal(await visit(browser, from), false);
    await visit(browser, async (own, django) => {
      (await own.load())["here"] = true;
      (await django.load())["there"] = true;
    });
    assert.equal(await visit(browser, from), false);
    assert.equal(rows(), 1);
    assert.deepEqual(await visit(browser, (own) => own.load()), { here: true });
  });

  test("takes nothing over from a login whose password has changed since", async () => {
    const { visit, users, from, browser, rows } = await bothSides();
    await visit(browser, inDjango);
    users.set("7", { password: "another" });
    assert.equal(await visit(browser, from), false);
    assert.equal(rows(), 0);
    assert.deepEqual(await visit(browser, (own) => own.load()), {});
  });

  test("ends the session of a user who may not log in any more, and gives nobody its data", async () => {
    const { visit, users, from, browser, rows } = await bothSides();
    await visit(browser, inDjango);
    users.clear();
    assert.equal(await visit(browser, from), false);
    assert.equal(rows(), 0);
    assert.deepEqual(await visit(browser, (own) => own.load()), {});
  });
});

const inOwn: Handler = async (own) => {
  Object.assign(await own.load(), { cart: [1], ["_auth_user_id"]: "1" });
  await own.flash.add("hello", "warning");
  await own.login("7");
  own.setExpiry(600);
};

describe("moveToDjango", () => {
  test("takes over data, user, messages and expiry, and ends the old session", async () => {
    const { visit, to, own, findUser, browser } = await bothSides();
    await visit(browser, inOwn);
    assert.equal(await visit(browser, to), true);
    assert.equal(await countOf(own.list()), 0);
    const seen = await visit(browser, async (_own, django) => {
      const { cart } = await django.load();
      const user = await djangoUser(django, { findUser });
      return [cart, user?.id, await django.flash.take(), django.expiryAge > 598];
    });
    assert.deepEqual(seen, [[1], "7", [{ message: "hello", level: "warning" }], true]);
    assert.equal(await visit(browser, to), false);
  });

  test("finds a session that was imported by Django's cookie, and not one that has ended", async () => {
    const { visit, to, store, own, browser } = await bothSides();
    const keys = ["a", "b"].map((letter) => letter.repeat(32) as SessionId);
    for (const id of keys) {
      const { handle } = await own.create({ data: { cart: [2] } });
      const made = await store.load(handle);
      assert.ok(made.status === "live");
      await store.create({ ...made.record, handle: handleOf(id) });
    }
    await own.revoke(keys[1] ?? "");
    for (const [n, id] of keys.entries()) {
      const visitor = n === 0 ? browser : new Browser();
      visitor.take([`sessionid=${id}`]);
      assert.equal(await visit(visitor, to), n === 0);
      assert.equal(await own.find(id), null);
      assert.notEqual(visitor.session, id, "an id from outside is not taken on");
      assert.deepEqual(await visit(visitor, (_own, django) => django.load()), n === 0 ? { cart: [2] } : {});
    }
  });

  test("ends the session of a user who may not log in any more, and gives nobody its data", async () => {
    const { visit, to, users, own, browser } = await bothSides();
    await visit(browser, inOwn);
    users.clear();
    assert.equal(await visit(browser, to), false);
    assert.equal(await countOf(own.list()), 0);
    assert.deepEqual(await visit(browser, (_own, django) => django.load()), {});
  });

  test("does not log in again whose password has changed since the login", async () => {
    for (const password of ["pbkdf2$7", "another"]) {
      const { visit, to, users, own, findUser } = await bothSides();
      const browser = new Browser();
      await visit(browser, (session) => session.login("7", { credential: "pbkdf2$7" }));
      users.set("7", { password });
      const holds = password === "pbkdf2$7";
      assert.equal(await visit(browser, to), holds);
      assert.equal(await countOf(own.list()), 0);
      const found = await visit(browser, async (_own, django) => (await djangoUser(django, { findUser }))?.id);
      assert.equal(found, holds ? "7" : null);
    }
  });

  test("leaves a session alone whose data Django cannot have", async () => {
    const { visit, to, rows, browser } = await bothSides();
    await visit(browser, async (own) => {
      (await own.load())["when"] = new Date(0);
    });
    await assert.rejects(visit(browser, to), /answered 5/);
    assert.equal(rows(), 0);
    assert.deepEqual(await visit(browser, (own) => own.load()), { when: "1970-01-01T00:00:00.000Z" });
  });
});

test("both refuse sessions of the wrong side", async () => {
  const { visit, findUser, browser } = await bothSides();
  for (const move of [
    (own: Visit, django: Visit) => moveFromDjango(django, own, { findUser }),
    (own: Visit, django: Visit) => moveToDjango(own, django, { findUser }),
    (own: Visit) => moveToDjango(own, own, { findUser }),
  ]) {
    const code = await visit(browser, (own, django) =>
      move(own, django).catch((error: unknown) => Reflect.get(error as object, "code") as unknown),
    );
    assert.equal(code, "ERR_SESSION_USAGE");
  }
});
