import { isSessionError } from "../core/errors.ts";
import { headerOf, linesOf } from "./adapter-client.ts";
import type { AdapterRule } from "./adapter-rule.ts";
import {
  counter,
  expectAnswer,
  expectCookie,
  expectNoCookie,
  knownVisitor,
  logout,
  read,
  sessionCookies,
  untouched,
  writing,
} from "./adapter-rule-support.ts";
import { equal, ok } from "./assert.ts";

const UNKNOWN = "A".repeat(32);

/** The session on the request, and its cookie. */
export const basicRules: readonly AdapterRule[] = [
  {
    name: "the counter counts",
    async run({ start }) {
      const server = await start([counter]);
      const visitor = server.visitor();
      expectAnswer(await visitor.get("/count"), 200, "No count in session. Setting to 1");
      expectAnswer(await visitor.get("/count"), 200, "new count=2");
      expectAnswer(await visitor.get("/count"), 200, "new count=3");
      expectAnswer(await server.visitor().get("/count"), 200, "No count in session. Setting to 1");
    },
  },
  {
    name: "a session that nobody asks for leaves no trace in the response and makes no store call",
    async run({ start, store }) {
      const server = await start([counter, untouched]);
      const visitor = await knownVisitor(server);
      const before = store.calls.length;
      for (const someone of [server.visitor(), visitor, server.visitor("other=cookie")]) {
        const answer = await someone.get("/untouched");
        expectNoCookie(answer, "an untouched session");
        equal(
          [headerOf(answer, "vary"), headerOf(answer, "cache-control")],
          [undefined, undefined],
          "Vary and Cache-Control",
        );
      }
      equal(store.calls.slice(before), [], "the store's calls");
    },
  },
  {
    name: "the session of `sessions.of` stands at the framework's property",
    async run({ start }) {
      const server = await start([
        { path: "/same", answer: (call) => ({ body: String(call.property === call.session()) }) },
      ]);
      expectAnswer(await server.visitor().get("/same"), 200, "true");
    },
  },
  {
    name: "without the adapter, `sessions.of` throws ERR_SESSION_NOT_ATTACHED",
    async run({ start }) {
      const ask: Parameters<typeof start>[0][number] = {
        path: "/ask",
        answer(call) {
          try {
            call.session();
            return { body: "attached" };
          } catch (error) {
            return { body: isSessionError(error) ? error.code : "another error" };
          }
        },
      };
      const bare = await start([ask], { mounted: "never" });
      expectAnswer(await bare.visitor().get("/ask"), 200, "ERR_SESSION_NOT_ATTACHED");
    },
  },
  {
    name: "mounted twice, the adapter has one session and commits it once",
    async run({ start, store }) {
      const server = await start([counter], { mounted: "twice" });
      const visitor = server.visitor();
      const first = await visitor.get("/count");
      expectAnswer(first, 200, "No count in session. Setting to 1");
      expectCookie(first, server, "the first visit");
      equal(store.calls, ["create"], "the store's calls");
      const second = await visitor.get("/count");
      expectAnswer(second, 200, "new count=2");
      equal(
        store.calls.filter((verb) => verb === "load" || verb === "save").length,
        2,
        "loads and saves of the second visit",
      );
      equal(linesOf(second, "vary"), ["Cookie"], "Vary");
    },
  },
  {
    name: "the first write sets one cookie, with the secure attributes and no others",
    async run({ start }) {
      const server = await start([counter]);
      const [cookie = "", ...more] = sessionCookies(await server.visitor().get("/count"), server);
      equal(more, [], "further session cookies");
      const [pair = "", ...attributes] = cookie.split("; ");
      ok(/^__Host-sid=[\w-]{32}$/.test(pair), "the cookie has the `__Host-` prefix and an id");
      const expected = ["HttpOnly", `Max-Age=${server.sessions.options.idleSeconds}`, "Path=/", "SameSite=Lax", "Secure"];
      equal(attributes.toSorted(), expected, "the attributes");
    },
  },
  {
    name: "an unknown id that is only read deletes its cookie",
    async run({ start }) {
      const server = await start([read]);
      const visitor = server.visitor(`__Host-sid=${UNKNOWN}`);
      const answer = await visitor.get("/read");
      expectAnswer(answer, 200, "{}");
      equal(visitor.cookies, "", "the visitor's cookies");
      equal(sessionCookies(answer, server).length, 1, "the number of session cookies");
    },
  },
  {
    name: "an unknown id that is written is not adopted: the visitor gets a new one",
    async run({ start }) {
      const server = await start([counter]);
      const visitor = server.visitor(`__Host-sid=${UNKNOWN}`);
      expectCookie(await visitor.get("/count"), server, "the write");
      ok(!visitor.cookies.includes(UNKNOWN), "the client's id was adopted");
    },
  },
  {
    name: "a session that is ended deletes its cookie with the path and the domain that it was set with",
    async run({ start }) {
      const cookie = { name: "visit", path: "/", domain: "example.com", sameSite: "strict" } as const;
      const server = await start([counter, logout], { options: { cookie } });
      const visitor = await knownVisitor(server);
      const [deletion = "", ...more] = sessionCookies(await visitor.get("/logout"), server);
      equal(more, [], "further session cookies");
      const attributes = deletion.split("; ");
      for (const attribute of ["visit=", "Path=/", "Domain=example.com", "Max-Age=0", "Secure", "SameSite=Strict"]) {
        ok(attributes.includes(attribute), `the deletion says ${attribute}`);
      }
      equal(visitor.cookies, "", "the visitor's cookies");
    },
  },
  {
    name: "two cookies of the handler survive beside the session's",
    async run({ start }) {
      const own = writing("/own", () => ({
        headers: [
          ["Set-Cookie", "first=1; Path=/"],
          ["Set-Cookie", "second=2; Path=/"],
        ],
        body: "own",
      }));
      const server = await start([own]);
      const answer = await server.visitor().get("/own");
      expectCookie(answer, server, "the write");
      const others = linesOf(answer, "set-cookie").filter((text) => !text.startsWith("__Host-"));
      equal(others, ["first=1; Path=/", "second=2; Path=/"], "the handler's cookies");
    },
  },
];
