import { sum } from "../../core/merge.ts";
import { isSessionError } from "../../core/errors.ts";
import { equal, fail, ok, settle } from "../assert.ts";
import type { StoreRule } from "../store-rule.ts";
import { refused, site } from "./site.ts";
import { expectRetired } from "./support.ts";

/** What parallel requests of one session come to, over any store. */
export const sessionRaceRules: readonly StoreRule[] = [
  {
    name: "200 parallel updates of one session count 200",
    async run(context) {
      const browser = await site(context).returning({ count: 0 });
      const increment = () =>
        browser.copy().request((session) => session.update((data) => void (data["count"] = Number(data["count"]) + 1)));
      await Promise.all(Array.from({ length: 200 }, increment));
      equal(await browser.read(), { count: 200 }, "what the next request finds");
    },
  },
  {
    name: "50 parallel increments of a key that is declared as a sum count 50",
    async run(context) {
      const browser = await site(context, { merge: { count: sum } }).returning({ count: 0 });
      const increment = () =>
        browser.copy().request(async (session) => {
          const data = await session.load();
          data["count"] = Number(data["count"]) + 1;
        });
      await Promise.all(Array.from({ length: 50 }, increment));
      equal(await browser.read(), { count: 50 }, "what the next request finds");
    },
  },
  {
    name: "50 parallel writers of different keys all survive",
    async run(context) {
      const browser = await site(context).returning({ first: 1 });
      const keys = Array.from({ length: 50 }, (_, index) => `key ${index}`);
      const write = (key: string) => browser.copy().request(async (session) => void ((await session.load())[key] = key));
      await Promise.all(keys.map(write));
      const expected = { first: 1, ...Object.fromEntries(keys.map((key) => [key, key])) };
      equal(await browser.read(), expected, "what the next request finds");
    },
  },
  {
    name: "two processes that update one session lose nothing",
    needs: ["second handle", "compareAndSwap"],
    async run(context) {
      const here = site(context);
      const there = site({ store: await context.reopen(), now: context.now });
      const browser = await here.returning({ count: 0 });
      const increment = (_: unknown, index: number) =>
        (index % 2 === 0 ? here : there)
          .browser(browser.cookie)
          .request((session) => session.update((data) => void (data["count"] = Number(data["count"]) + 1)));
      await Promise.all(Array.from({ length: 40 }, increment));
      equal(await browser.read(), { count: 40 }, "what the next request finds");
    },
  },
  {
    name: "in a race between logout and writes of requests, the session stays ended, and every write is told",
    async run(context) {
      for (let round = 0; round < 5; round++) {
        const browser = await site(context).returning();
        const visits = await Promise.all(Array.from({ length: 4 }, () => browser.copy().visit()));
        for (const { session } of visits) (await session.load())["late"] = round;
        const { session } = await browser.visit();
        const handle = session.handle ?? fail("a handle");
        const [, ...writes] = await Promise.all([session.logout(), ...visits.map(({ respond }) => settle(() => respond()))]);
        await expectRetired(context.store, handle, "ended");
        equal(await browser.read(), {}, "what the cookie finds");
        for (const { error } of writes) {
          ok(
            error === undefined || isSessionError(error, "ERR_SESSION_GONE"),
            `a write that lost is told so: ${String(error)}`,
          );
        }
      }
    },
  },
  {
    name: "a write that was answered while the id was changing is in the session under its new id",
    async run(context) {
      const browser = await site(context).returning({ count: 1 });
      const [writer, rotating] = [await browser.copy().visit(), await browser.visit()];
      (await writer.session.load())["written"] = 1;
      await rotating.session.cycleId();
      await writer.respond();
      await rotating.respond();
      equal(await browser.read(), { count: 1, written: 1 }, "what the new cookie finds");
    },
  },
  {
    name: "a logout that comes with the id from before it was changed ends the session under its new id",
    async run(context) {
      const browser = await site(context).returning();
      const late = await browser.copy().visit();
      await browser.request((session) => session.cycleId());
      equal(await browser.read(), { count: 1 }, "what the new cookie finds");
      await late.session.logout();
      await late.respond();
      equal(await browser.read(), {}, "what the new cookie finds after the late logout");
    },
  },
  {
    name: "a response that leaves after the id was changed elsewhere says nothing about the cookie",
    async run(context) {
      const browser = await site(context).returning();
      const [reader, writer] = [await browser.copy().visit(), await browser.copy().visit()];
      await reader.session.load();
      await writer.session.update((data) => void (data["written"] = 1));
      await browser.request((session) => session.cycleId());
      equal(await reader.respond(), [], "the cookies of a request that read");
      equal(await writer.respond(), [], "the cookies of a request that wrote before");
      const late = await browser.copy().visit();
      await browser.request((session) => session.cycleId());
      equal(await late.session.load(), {}, "what a request with the old id reads");
      equal(await late.respond(), [], "its cookies");
      equal(await browser.read(), { count: 1, written: 1 }, "what the new cookie finds");
    },
  },
  {
    name: "a login binds the user under a new id; logout ends it",
    needs: ["users"],
    async run(context) {
      const { returning, sessions } = site(context);
      const browser = await returning({ cart: [1] });
      const { cookie } = browser;
      await browser.request((session) => session.login("ann"));
      ok(browser.cookie !== cookie, "the cookie has changed");
      await browser.request(async (session) => {
        equal([await session.load(), session.userId], [{ cart: [1] }, "ann"], "data, userId");
      });
      equal((await sessions.ofUser("ann")).length, 1, "ann's sessions");
      await browser.request((session) => session.logout());
      equal(await sessions.ofUser("ann"), [], "ann's sessions after logout");
      equal(browser.cookie, undefined, "the browser's cookie");
    },
  },
  {
    name: "revoking a user ends every session but the one to keep, and a login that was on its way",
    needs: ["users"],
    async run(context) {
      const { returning, sessions } = site(context);
      const [here, there, late] = [await returning(), await returning(), await returning()];
      for (const browser of [here, there]) await browser.request((session) => session.login("ann"));
      const login = await late.visit();
      await login.session.login("ann");
      const { session } = await here.visit();
      equal(await sessions.revokeUser("ann", { except: session.id }), 1, "how many were ended");
      await refused(() => login.respond(), "ERR_SESSION_GONE", "the login that was on its way");
      equal((await here.read())["count"], 1, "the session to keep");
      equal(await there.read(), {}, "the other session");
      equal((await sessions.ofUser("ann")).length, 1, "ann's sessions");
      equal(await sessions.revokeUser("ann"), 1, "revoking all");
      equal(await here.read(), {}, "the session that was kept before");
    },
  },
  {
    name: "what is done under a session's lock is done by one request at a time, and lists show no locks",
    needs: ["compareAndSwap"],
    async run(context) {
      const { returning, sessions } = site(context);
      const browser = await returning({ paid: 0 });
      let inside = 0;
      const pay = () =>
        browser.copy().request((session) =>
          session.exclusive(
            async (data) => {
              equal(++inside, 1, "how many are inside");
              await new Promise((resume) => setImmediate(resume));
              data["paid"] = Number(data["paid"]) + 1;
              inside--;
            },
            { waitSeconds: 3600, holdSeconds: 36_000 },
          ),
        );
      await Promise.all(Array.from({ length: 5 }, pay));
      equal(await browser.read(), { paid: 5 }, "what the next request finds");
      if (context.store.list === undefined) return;
      const listed = [];
      for await (const session of sessions.list()) listed.push(session.data);
      equal(listed, [{ paid: 5 }], "the list");
    },
  },
];
