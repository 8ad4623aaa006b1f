import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { handleOf, isSessionId, newSessionId } from "../../core/id.ts";
import { equal, fail, ok } from "../assert.ts";
import type { StoreRule } from "../store-rule.ts";
import { refused, site } from "./site.ts";
import { expectLive, expectMissing, expectRetired, expectUnreadable, listAll } from "./support.ts";

/** How a session begins and ends, over any store. */
export const sessionLifeRules: readonly StoreRule[] = [
  {
    name: "after the response, the session is in the store, under the hash of its id",
    async run(context) {
      const { sessions, browser } = site(context);
      const session = await browser().request(async (each) => void ((await each.load())["a"] = 1));
      const id = session.id ?? fail("the session has an id");
      ok(isSessionId(id), "the id has the shape of one");
      equal(session.handle, handleOf(id), "handle");
      equal((await context.store.load(handleOf(id))).status, "live", "the store's record");
      equal((await sessions.find(id))?.data, { a: 1 }, "find by id");
      equal((await sessions.find(handleOf(id)))?.data, { a: 1 }, "find by handle");
    },
  },
  {
    name: "a revoked session is gone from the store",
    async run(context) {
      const { sessions, returning } = site(context);
      const browser = await returning();
      const { session } = await browser.visit();
      equal(await sessions.revoke(session.handle ?? ""), true, "revoke");
      equal(await sessions.revoke(session.handle ?? ""), false, "revoke again");
      equal(await sessions.find(session.handle ?? ""), null, "find");
      equal(await browser.read(), {}, "what the next request finds");
    },
  },
  {
    name: "flush ends the session at once, forgets its id and deletes the cookie",
    async run(context) {
      const browser = await site(context).returning({ foo: "bar" });
      const { session, respond } = await browser.visit();
      await session.load();
      const handle = session.handle ?? fail("a handle");
      await session.flush();
      await expectRetired(context.store, handle, "ended", "the record, before the response");
      equal([session.id, session.accessed, session.isEmpty], [null, true, true], "id, accessed, isEmpty");
      equal(session.entries(), [], "entries");
      equal((await respond(500)).length, 1, "the cookies of the response, whatever its status");
      equal(browser.cookie, undefined, "the browser's cookie");
    },
  },
  {
    name: "what is written after flush is a new session under a new id",
    async run(context) {
      const browser = await site(context).returning({ old: 1 });
      const old = browser.copy();
      await browser.request(async (session) => {
        await session.flush();
        (await session.load())["fresh"] = 1;
      });
      equal(await browser.read(), { fresh: 1 }, "what the new cookie finds");
      equal(await old.read(), {}, "what the old cookie finds");
    },
  },
  {
    name: "cycleId gives a new id, keeps the data and its order, and ends the old id",
    async run(context) {
      const browser = await site(context).returning({ a: 1, c: 2, b: 3 });
      const before = (await browser.visit()).session.handle ?? fail("a handle");
      const old = browser.copy();
      const session = await browser.request(async (each) => {
        await each.load();
        await each.cycleId();
        equal([each.accessed, each.modified], [true, true], "accessed, modified");
      });
      ok(session.handle !== before, "the handle has changed");
      equal(
        session.entries(),
        [
          ["a", 1],
          ["c", 2],
          ["b", 3],
        ],
        "entries, in their order",
      );
      await expectRetired(context.store, before, "rotated");
      equal(await old.read(), {}, "what the old cookie finds");
      equal(await browser.read(), { a: 1, c: 2, b: 3 }, "what the new cookie finds");
    },
  },
  {
    name: "cycleId on a session that was not read keeps its data",
    async run(context) {
      const browser = await site(context).returning({ a: 1, b: 2 });
      const { cookie } = browser;
      await browser.request((session) => session.cycleId());
      ok(browser.cookie !== cookie, "the cookie has changed");
      equal(await browser.read(), { a: 1, b: 2 }, "what the next request finds");
    },
  },
  {
    name: "a cookie that is no id is not read, and a session is stored under an id of its own",
    async run(context) {
      const { browser, sessions } = site(context);
      for (const text of [
        "",
        "1",
        "1234567",
        "12345678",
        "../../x",
        "%00",
        "a".repeat(33),
        "\u017e".repeat(32),
        '""',
        "null",
      ]) {
        const visitor = browser(`${sessions.options.cookieName}=${text}`);
        const { session, respond } = await visitor.visit();
        equal(session.id, null, `the id of a cookie ${JSON.stringify(text)}`);
        equal(await session.load(), {}, "load");
        session.set("a", 1);
        await respond();
        ok(isSessionId(session.id) && session.id !== text, "a new id");
        equal(await visitor.read(), { a: 1 }, "what the next request finds");
      }
    },
  },
  {
    name: "an id that the store does not know is never adopted, and reading it stores nothing",
    async run(context) {
      const { browser, sessions } = site(context);
      const id = newSessionId();
      const visitor = browser(`${sessions.options.cookieName}=${id}`);
      const { session, respond } = await visitor.visit();
      equal(await session.load(), {}, "load");
      equal(session.id, null, "the id after loading");
      await respond();
      equal(visitor.cookie, undefined, "the browser's cookie, after reading alone");
      await expectMissing(context.store, handleOf(id), "the unknown id");
      if (context.store.list !== undefined) equal(await listAll(context.store), [], "the store");
      const writer = browser(`${sessions.options.cookieName}=${id}`);
      const stored = await writer.request(async (each) => void ((await each.load())["a"] = 1));
      ok(stored.id !== id && stored.id !== null, "a write is stored under a new id");
      await expectMissing(context.store, handleOf(id), "the unknown id, after a write");
    },
  },
  {
    name: "a session that was ended meanwhile is not stored again: the request is told, and the session stays ended",
    async run(context) {
      const browser = await site(context).returning({ a: 1 });
      const late = await browser.copy().visit();
      (await late.session.load())["a"] = 2;
      await browser.request((session) => session.logout());
      await refused(() => late.respond(), "ERR_SESSION_GONE", "the late response");
      equal(await (await site(context).browser(browser.cookie).visit()).session.load(), {}, "what is left");
      await expectRetired(context.store, late.session.handle ?? handleOf(newSessionId()), "ended");
    },
  },
  {
    name: "data that cannot be decoded is never taken as missing and never overwritten, and is reported",
    async run(context) {
      const { browser, sessions, clock } = site(context);
      for (const data of ["bad:encoded:value", "", "j1:{", "\u0001", "{}", "j1:[1]"]) {
        const id = newSessionId();
        const damaged = context.record({ handle: handleOf(id), data, expiresAt: clock.now() + 60_000 });
        await context.store.create(damaged);
        const visitor = browser(`${sessions.options.cookieName}=${id}`);
        let reports = 0;
        const count = () => void reports++;
        subscribe("sojourn:unreadable", count);
        const { session, respond } = await visitor.visit();
        equal(await session.load(), {}, `load of ${JSON.stringify(data)}`);
        unsubscribe("sojourn:unreadable", count);
        equal(reports, 1, "how often it was reported");
        session.set("a", 1);
        await refused(() => respond(), "ERR_SESSION_UNREADABLE", "the response of a request that writes");
        await visitor.request((each) => each.load());
        equal(visitor.cookie, `${sessions.options.cookieName}=${id}`, "the cookie is left alone");
        await expectLive(context.store, damaged, "the record is left alone");
      }
    },
  },
  {
    name: "a record that the store cannot read is never overwritten by a session, and can be revoked",
    needs: ["corrupt"],
    async run(context) {
      const { returning, sessions } = site(context);
      const browser = await returning();
      const { session, respond } = await browser.visit();
      const handle = session.handle ?? fail("a handle");
      await context.corrupt(handle);
      equal(await session.load(), {}, "load");
      session.set("a", 1);
      await refused(() => respond(), "ERR_SESSION_UNREADABLE", "the response of a request that writes");
      await expectUnreadable(context.store, handle);
      equal(await sessions.revoke(handle), true, "revoke");
      await expectRetired(context.store, handle, "ended");
    },
  },
  {
    name: "a message for the next page is shown once, and a failed page consumes nothing",
    async run(context) {
      const browser = await site(context).returning();
      await browser.request((session) => session.flash.add("saved", "info"));
      const failed = await browser.visit();
      await failed.session.load();
      equal(failed.session.flash.peek().length, 1, "what a page sees that then fails");
      await failed.respond(500);
      await browser.request(async (session) => {
        await session.load();
        equal(session.flash.peek(), [{ message: "saved", level: "info" }], "the next page");
      });
      await browser.request(async (session) => {
        await session.load();
        equal(session.flash.peek(), [], "the page after that");
      });
    },
  },
];
