import { handleOf } from "../../core/id.ts";
import { accessOf, Sessions } from "../../core/sessions.ts";
import type { SweepReport } from "../../core/sweep.ts";
import { equal, fail, ok } from "../assert.ts";
import type { StoreRule } from "../store-rule.ts";
import { site } from "./site.ts";
import { expectMissing, HOUR, MINUTE, SECOND } from "./support.ts";

const DAY = 24 * HOUR;
const FORTNIGHT_SECONDS = 1_209_600;

/** When a session expires, on a clock that the rule holds, over any store. */
export const sessionExpiryRules: readonly StoreRule[] = [
  {
    name: "by default a session lives for the idle time, also one that ends with the browser",
    async run(context) {
      const { session } = await site(context).browser().visit();
      await session.load();
      equal(session.expiryAge, FORTNIGHT_SECONDS, "expiryAge");
      session.setExpiry(0);
      equal(session.expiryAge, FORTNIGHT_SECONDS, "expiryAge after setExpiry(0)");
    },
  },
  {
    name: "setExpiry in seconds counts from now",
    async run(context) {
      const { browser, clock } = site(context);
      const { session } = await browser().visit();
      await session.load();
      session.setExpiry(10);
      equal(session.expiryDate.getTime(), clock.now() + 10 * SECOND, "expiryDate");
      equal(session.expiryAge, 10, "expiryAge");
    },
  },
  {
    name: "setExpiry with a date holds until that date",
    async run(context) {
      const { browser, clock } = site(context);
      const { session } = await browser().visit();
      await session.load();
      const date = new Date(clock.now() + 10 * SECOND);
      session.setExpiry(date);
      equal(session.expiryDate, date, "expiryDate");
      equal(session.expiryAge, 10, "expiryAge");
      clock.advance(1);
      equal(session.expiryAge, 9, "expiryAge a moment later, in whole seconds");
    },
  },
  {
    name: "setExpiry(null) goes back to the default, also when nothing was set",
    async run(context) {
      const { session } = await site(context).browser().visit();
      await session.load();
      session.setExpiry(null);
      equal([session.expiryAge, session.modified], [FORTNIGHT_SECONDS, false], "expiryAge, modified, when nothing was set");
      session.setExpiry(10);
      session.setExpiry(null);
      equal(session.expiryAge, FORTNIGHT_SECONDS, "expiryAge");
    },
  },
  {
    name: "a session ends with the browser when it or the default says so",
    async run(context) {
      for (const expireAtBrowserClose of [false, true]) {
        const { session, respond } = await site(context, { expireAtBrowserClose }).browser().visit();
        await session.load();
        for (const [expiry, expected] of [
          [10, false],
          [0, true],
          [null, expireAtBrowserClose],
        ] as const) {
          session.setExpiry(expiry);
          equal(session.expireAtBrowserClose, expected, `setExpiry(${expiry}) where the default is ${expireAtBrowserClose}`);
        }
        session.set("a", 1);
        const [cookie = ""] = await respond();
        equal(/max-age/i.test(cookie), !expireAtBrowserClose, "the cookie has a Max-Age");
      }
    },
  },
  {
    name: "a session that was stored with an expiry in the past is empty when it is opened",
    async run(context) {
      const made = site(context);
      for (const past of [-10, new Date(made.clock.now() - 10 * SECOND)]) {
        const browser = await made.returning({ keyword: "Lorem" });
        const stored = browser.copy();
        await browser.request(async (session) => {
          await session.load();
          session.setExpiry(past);
        });
        equal(await stored.read(), {}, "what the cookie finds");
      }
    },
  },
  {
    name: "a session expires after its idle time, to the millisecond, and a visit renews it",
    async run(context) {
      const { returning, clock } = site(context, { idleSeconds: 3600, absoluteSeconds: 86_400 });
      const browser = await returning();
      clock.advance(HOUR - 1);
      equal(await browser.read(), { count: 1 }, "just before");
      await browser.request((session) => session.load());
      clock.advance(HOUR - 1);
      equal(await browser.read(), { count: 1 }, "just before, after a visit");
      clock.advance(1);
      equal(await browser.read(), {}, "at the deadline");
    },
  },
  {
    name: "no visit and no write carries a session beyond its absolute lifetime, and no rotation",
    async run(context) {
      const { returning, clock } = site(context, { idleSeconds: 7200, absoluteSeconds: 86_400 });
      const browser = await returning();
      for (let hour = 1; hour < 24; hour++) {
        clock.advance(HOUR);
        await browser.request(async (session) => {
          const data = await session.load();
          equal(data["count"], 1, `hour ${hour}`);
          if (hour % 3 === 1) data["hour"] = hour;
          if (hour % 5 === 1) await session.cycleId();
        });
      }
      clock.advance(HOUR - 1);
      equal((await browser.read())["count"], 1, "just before");
      clock.advance(1);
      equal(await browser.read(), {}, "at the deadline");
    },
  },
  {
    name: "a session whose cookie never comes back lives for the first lifetime alone",
    async run(context) {
      const { browser, clock } = site(context, { firstSeconds: 60 });
      const [once, twice] = [browser(), browser()];
      for (const each of [once, twice]) await each.request(async (session) => void ((await session.load())["a"] = 1));
      clock.advance(MINUTE - 1);
      await twice.request((session) => session.load());
      clock.advance(1);
      equal(await once.read(), {}, "the cookie that never came back");
      equal(await twice.read(), { a: 1 }, "the cookie that came back in time");
    },
  },
  {
    name: "a fixed date is not moved by visits, and a shorter expiry is not outlived",
    async run(context) {
      const { returning, clock } = site(context);
      const browser = await returning();
      await browser.request(async (session) => {
        await session.load();
        session.setExpiry(new Date(clock.now() + DAY));
      });
      clock.advance(DAY - 1);
      await browser.request((session) => session.load());
      equal((await browser.read())["count"], 1, "just before");
      clock.advance(1);
      equal(await browser.read(), {}, "at the date");
    },
  },
  {
    name: "of two expiries set at once the shorter one wins",
    async run(context) {
      for (const [first, second] of [
        [60, 600],
        [600, 60],
      ] as const) {
        const { returning, clock } = site(context);
        const browser = await returning();
        const visits = [await browser.visit(), await browser.visit()];
        for (const { session } of visits) await session.load();
        visits[0]?.session.setExpiry(first);
        visits[1]?.session.setExpiry(second);
        for (const { respond } of visits) await respond();
        clock.advance(MINUTE);
        equal(await browser.read(), {}, `after a minute, with ${first} and then ${second} seconds`);
      }
    },
  },
  {
    name: "a write that races the shortening of an expiry does not undo it, nor does a visit",
    async run(context) {
      const { returning, clock } = site(context, { refreshSeconds: 0 });
      const browser = await returning();
      clock.advance(SECOND);
      const [write, visit, shorten] = [await browser.visit(), await browser.visit(), await browser.visit()];
      (await write.session.load())["written"] = 1;
      await visit.session.load();
      await shorten.session.load();
      shorten.session.setExpiry(60);
      await shorten.respond();
      await write.respond();
      await visit.respond();
      equal((await browser.read())["written"], 1, "the write is there");
      clock.advance(MINUTE);
      equal(await browser.read(), {}, "after a minute");
    },
  },
  {
    name: "sweeping removes what has expired, in batches, with the clocks' skew to spare, and nothing else",
    needs: ["clearExpired"],
    async run(context) {
      const { browser, returning, sessions, clock } = site(context, { firstSeconds: 60, clockSkewSeconds: 5 });
      const expiring = Array.from({ length: 7 }, () => browser());
      for (const each of expiring) await each.request(async (session) => void ((await session.load())["a"] = 1));
      const kept = await returning();
      clock.advance(MINUTE + 5 * SECOND - 1);
      equal(await sessions.clearExpired({ batch: 3 }), 0, "before the skew has passed");
      clock.advance(1);
      const progress: number[] = [];
      equal(await sessions.clearExpired({ batch: 3, onProgress: (removed) => void progress.push(removed) }), 7, "removed");
      equal(progress.at(-1), 7, "progress");
      ok(
        progress.every((removed, index) => removed - (progress[index - 1] ?? 0) <= 3),
        "no batch is over its limit",
      );
      equal((await kept.read())["count"], 1, "the session that is live");
      const { session } = await (expiring[0] ?? fail("seven browsers")).visit();
      await expectMissing(context.store, handleOf(session.id ?? fail("an id")), "a swept session");
      await session.load();
      ok(session.id === null, "its id is not adopted");
    },
  },
  {
    name: "of machines that sweep under a lease one does the work, and another goes on when its lease ran out",
    needs: ["clearExpired", "compareAndSwap"],
    async run(context) {
      const { browser, sessions, clock } = site(context, { firstSeconds: 60 });
      const other = new Sessions({ store: context.store, clock });
      const expiring = async (): Promise<void> => {
        for (let count = 0; count < 7; count++) await browser().request((session) => session.save());
        clock.advance(2 * MINUTE);
      };
      const sweepBy = (machine: Sessions, onBatch?: () => Promise<void>): Promise<SweepReport> => {
        const lease = { leaseMs: MINUTE, freshMs: 0 };
        const task = { batch: 3, duty: 1, lease, signal: new AbortController().signal, background: false, onBatch };
        return accessOf(machine as unknown as Sessions<never>).sweep(task);
      };
      await expiring();
      let meanwhile: SweepReport | undefined;
      const whole = await sweepBy(sessions, async () => void (meanwhile ??= await sweepBy(other)));
      equal([meanwhile?.status, meanwhile?.removed], ["busy", 0], "a sweep beside another one");
      equal([whole.status, whole.removed], ["complete", 7], "the sweep that has the lease");
      equal((await other.sweepState()).sweptUntil?.getTime(), whole.before, "what the other machine knows of it");
      await expiring();
      let heir: SweepReport | undefined;
      const dead = await sweepBy(sessions, async () => {
        clock.advance(heir === undefined ? MINUTE + SECOND : 0);
        heir ??= await sweepBy(other);
      });
      equal(
        [heir?.status, dead.status],
        ["complete", "stopped"],
        "a sweep after the lease ran out, and the one that had it",
      );
      equal((heir?.removed ?? 0) + dead.removed, 7, "how many were removed");
    },
  },
];
