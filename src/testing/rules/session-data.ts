import { equal, ok, rejects } from "../assert.ts";
import type { StoreRule } from "../store-rule.ts";
import { site } from "./site.ts";

/** What a session is as a dictionary, over any store. */
export const sessionDataRules: readonly StoreRule[] = [
  {
    name: "a session that nobody asked for is neither accessed nor modified, and sets no cookie",
    async run(context) {
      const { session, respond } = await site(context).browser().visit();
      equal([session.accessed, session.modified, session.isEmpty], [false, false, true], "accessed, modified, isEmpty");
      equal(await respond(), [], "the cookies of the response");
    },
  },
  {
    name: "a key that is not there is undefined",
    async run(context) {
      await site(context)
        .browser()
        .request(async (session) => {
          await session.load();
          equal(session.get("missing"), undefined, "get");
          equal([session.accessed, session.modified], [true, false], "accessed, modified");
        });
    },
  },
  {
    name: "setting a key marks the session modified, and pop gives the value back",
    async run(context) {
      const { session } = await site(context).browser().visit();
      await session.load();
      session.set("cat", "dog");
      equal(session.modified, true, "modified");
      equal(session.pop("cat"), "dog", "pop");
    },
  },
  {
    name: "pop of a stored key gives its value, and the key is gone from the store",
    async run(context) {
      const browser = await site(context).returning({ "some key": "exists", other: 1 });
      await browser.request(async (session) => {
        await session.load();
        equal(session.pop("some key"), "exists", "pop");
        equal([session.accessed, session.modified, session.has("some key")], [true, true, false], "accessed, modified, has");
      });
      equal(await browser.read(), { other: 1 }, "what the next request finds");
    },
  },
  {
    name: "pop of a key that is not there gives the fallback and changes nothing",
    async run(context) {
      const browser = await site(context).returning();
      await browser.request(async (session) => {
        await session.load();
        equal(session.pop("missing", "fallback"), "fallback", "with a fallback");
        equal(session.pop("missing"), undefined, "without");
        equal([session.accessed, session.modified], [true, false], "accessed, modified");
      });
    },
  },
  {
    name: "setDefault stores the first value and gives it from then on",
    async run(context) {
      const browser = site(context).browser();
      await browser.request(async (session) => {
        await session.load();
        equal(session.setDefault("foo", "bar"), "bar", "the first time");
        equal(session.setDefault("foo", "baz"), "bar", "the second time");
        equal([session.accessed, session.modified], [true, true], "accessed, modified");
      });
      equal(await browser.read(), { foo: "bar" }, "what the next request finds");
    },
  },
  {
    name: "several keys can be set at once, and nested changes count",
    async run(context) {
      const browser = await site(context).returning({ nested: { list: [1] } });
      await browser.request(async (session) => {
        Object.assign(await session.load(), { updatekey: 1, more: "2" });
        const { nested } = session.data as { nested: { list: number[] } };
        nested.list.push(2);
        equal([session.accessed, session.modified], [true, true], "accessed, modified");
      });
      equal(await browser.read(), { nested: { list: [1, 2] }, updatekey: 1, more: "2" }, "what the next request finds");
    },
  },
  {
    name: "looking at keys, values and entries is an access and no change",
    async run(context) {
      const browser = await site(context).returning({ a: 1, b: [2] });
      for (const look of ["has", "keys", "values", "entries"] as const) {
        const { session } = await browser.visit();
        await session.load();
        if (look === "has") equal([session.has("a"), session.has("z")], [true, false], "has");
        if (look === "keys") equal(session.keys(), ["a", "b"], "keys");
        if (look === "values") equal(session.values(), [1, [2]], "values");
        if (look === "entries")
          equal(
            session.entries(),
            [
              ["a", 1],
              ["b", [2]],
            ],
            "entries",
          );
        equal([session.accessed, session.modified], [true, false], `accessed, modified after ${look}`);
      }
      const { session } = await site(context).browser().visit();
      await session.load();
      equal(session.values(), [], "the values of a new session");
      equal([session.accessed, session.modified], [true, false], "accessed, modified of a new session");
    },
  },
  {
    name: "clear empties a session and keeps its id",
    async run(context) {
      const browser = await site(context).returning({ x: 1 });
      const { cookie } = browser;
      await browser.request(async (session) => {
        await session.clear();
        equal(session.entries(), [], "entries");
        equal([session.accessed, session.modified, session.isEmpty], [true, true, false], "accessed, modified, isEmpty");
      });
      equal(await browser.read(), {}, "what the next request finds");
      equal(browser.cookie, cookie, "the cookie");
      const { session } = await browser.visit();
      await session.load();
      equal(session.isNew, false, "isNew");
    },
  },
  {
    name: "save leaves the data in memory as it is",
    async run(context) {
      const browser = site(context).browser();
      await browser.request(async (session) => {
        const data = await session.load();
        data["foo"] = "bar";
        await session.save();
        equal(session.get("foo"), "bar", "get after save");
        ok(session.data === data, "data is the same object after save");
        equal(session.modified, false, "modified after save");
      });
    },
  },
  {
    name: "the id cannot be assigned",
    async run(context) {
      const { session } = await site(context).browser().visit();
      await rejects(() => {
        if (!Reflect.set(session, "id", "x".repeat(32))) throw new TypeError("refused");
      }, "an assignment to id");
      equal(session.id, null, "id");
    },
  },
  {
    name: "what is put in comes out: any JSON value, at any depth, in its order",
    async run(context) {
      const data = {
        text: "Ž\u0000\ud800\u2028🦊 \"'\\\r\n",
        numbers: [0, -1, 1.5, 2 ** 53 - 1, 1e300, 5e-324],
        rest: [true, false, null, [], {}, [[[]]]],
        nested: { deep: { deeper: { deepest: "x" } } },
        'key with spaces, quotes " and \u0000': 1,
        constructor: "no function",
        "10": "a key like a number",
      };
      const browser = await site(context).returning(data);
      equal(await browser.read(), data, "what the next request finds");
      equal(Object.keys(await browser.read()), Object.keys(data), "the order of the keys");
    },
  },
  {
    name: "a session of 1 MB is stored whole, and one beyond the bound not at all",
    async run(context) {
      const made = site(context);
      const big = "€".repeat(350_000);
      const browser = await made.returning({ big });
      equal(await browser.read(), { big }, "what the next request finds");
      const { session, respond } = await browser.visit();
      (await session.load())["more"] = "x".repeat(2_000_000);
      await rejects(respond, "a session of 3 MB");
      equal(await browser.read(), { big }, "what the request after that finds");
    },
  },
  {
    name: "the test cookie: set, it worked, deleted",
    async run(context) {
      const browser = site(context).browser();
      await browser.request(async (session) => equal(await session.testCookieWorked(), false, "before"));
      await browser.request((session) => session.setTestCookie());
      await browser.request(async (session) => {
        equal(await session.testCookieWorked(), true, "after it was set");
        await session.deleteTestCookie();
        equal(await session.testCookieWorked(), false, "after it was deleted");
      });
      await browser.request(async (session) => equal(await session.testCookieWorked(), false, "on the next request"));
    },
  },
  {
    name: "a session is empty without an id and without data, and only then",
    async run(context) {
      const browser = site(context).browser();
      const { session } = await browser.visit();
      equal(session.isEmpty, true, "neither");
      (await session.load())["key"] = 1;
      equal(session.isEmpty, false, "data without an id");
      const other = site(context).browser();
      await other.request(async (empty) => {
        await empty.load();
        await empty.save();
        equal([empty.isEmpty, empty.keys().length], [false, 0], "an id without data");
      });
    },
  },
];
