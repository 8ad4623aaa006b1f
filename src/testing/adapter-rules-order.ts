import { converse, headerOf } from "./adapter-client.ts";
import type { AdapterRule, KitRoute } from "./adapter-rule.ts";
import {
  counter,
  expectAnswer,
  expectCookie,
  knownVisitor,
  pieces,
  read,
  stillHeld,
  untouched,
  writing,
} from "./adapter-rule-support.ts";
import { equal, ok } from "./assert.ts";

const PIECES = ["one ", "two ", "three"];
const LONG = Array.from({ length: 64 }, (_, at) => String.fromCharCode(97 + (at % 26)).repeat(16_384));

const text = writing("/text", () => ({ body: "text" }));
const redirect = writing("/redirect", () => ({ redirect: "/read" }));
const stream = writing("/stream", () => ({ body: pieces(...PIECES) }));
const empty = writing("/empty", () => ({ status: 204 }));
const unchanged = writing("/unchanged", () => ({ status: 304, headers: [["ETag", '"tag"']] }));
const created = writing("/created", () => ({ status: 201, headers: [["Location", "/made"]], body: "made" }));
const all: readonly KitRoute[] = [text, redirect, stream, empty, unchanged, created];

/** Nothing of a response leaves before its session is stored. */
export const orderRules: readonly AdapterRule[] = [
  ...all.map(({ path }): AdapterRule => ({
    name: `no header of ${path} leaves before a new session is stored`,
    async run({ start, store }) {
      const server = await start([...all, read, untouched]);
      const call = store.hold("create");
      const visit = server.visitor().visit(path);
      await call.reached;
      await stillHeld(server, visit, path);
      call.resume();
      expectCookie(await visit.head, server, path);
      await visit.answer;
    },
  })),
  ...all.map(({ path }): AdapterRule => ({
    name: `no header of ${path} leaves before a change is stored`,
    async run({ start, store }) {
      const server = await start([...all, counter, read, untouched]);
      const visitor = await knownVisitor(server);
      const call = store.hold("save");
      const visit = visitor.visit(path);
      await call.reached;
      await stillHeld(server, visit, path);
      call.resume();
      await visit.head;
      // Asked as soon as the headers are there, while the body may still be on its way.
      expectAnswer(await visitor.get("/read"), 200, '{"count":2}');
      await visit.answer;
    },
  })),
  {
    name: "a redirect followed as soon as its headers come sees the data, fifty times over",
    async run({ start }) {
      const server = await start([redirect, read]);
      for (let round = 0; round < 50; round++) {
        const visitor = server.visitor();
        const head = await visitor.visit("/redirect").head;
        equal(head.status, 302, "the status");
        ok(headerOf(head, "location")?.endsWith("/read") === true, "the redirect's location");
        expectCookie(head, server, "the redirect");
        expectAnswer(await visitor.get("/read"), 200, '{"count":1}');
      }
    },
  },
  {
    name: "a streamed body arrives whole and in order",
    async run({ start }) {
      const long = writing("/long", () => ({ body: pieces(...LONG) }));
      const server = await start([stream, long]);
      expectAnswer(await server.visitor().get("/stream"), 200, PIECES.join(""));
      const answer = await server.visitor().get("/long");
      expectCookie(answer, server, "the stream");
      ok(answer.body === LONG.join(""), `a body of ${LONG.join("").length} characters came as ${answer.body.length} others`);
    },
  },
  {
    name: "a streamed body leaves piece by piece, not all at its end",
    async run({ start }) {
      const last = Promise.withResolvers<void>();
      async function* body(): AsyncGenerator<string, void, undefined> {
        yield "first ";
        await last.promise;
        yield "last";
      }
      const server = await start([writing("/slow", () => ({ body: body() }))]);
      const visit = server.visitor().visit("/slow");
      expectCookie(await visit.head, server, "the head of a stream that goes on");
      last.resolve();
      expectAnswer(await visit.answer, 200, "first last");
    },
  },
  {
    name: "a HEAD request stores the session and gets the headers without a body",
    async run({ start }) {
      const server = await start([text, read]);
      const visitor = server.visitor();
      const answer = await visitor.get("/text", { method: "HEAD" });
      expectAnswer(answer, 200, "");
      expectCookie(answer, server, "HEAD");
      expectAnswer(await visitor.get("/read"), 200, '{"count":1}');
    },
  },
  {
    name: "responses without a body, 204 and 304, store the session and carry its cookie",
    async run({ start }) {
      const server = await start([empty, unchanged, read]);
      for (const [path, status] of [
        ["/empty", 204],
        ["/unchanged", 304],
      ] as const) {
        const visitor = server.visitor();
        const answer = await visitor.get(path);
        expectAnswer(answer, status, "");
        expectCookie(answer, server, path);
        expectAnswer(await visitor.get("/read"), 200, '{"count":1}');
      }
    },
  },
  {
    name: "requests sent at once over one connection are answered one after the other",
    async run({ start }) {
      const server = await start([counter, untouched, read]);
      const { cookies } = await knownVisitor(server);
      const ask = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: kit\r\nCookie: ${cookies}\r\n${more}\r\n`;
      const close = "Connection: close\r\n";
      const received = await converse(server.port, ask("/count") + ask("/untouched") + ask("/read", close));
      const bodies = ["new count=2", "untouched", '{"count":'].map((body) => received.indexOf(body));
      ok(
        bodies.every((at) => at > 0),
        "all three were answered",
      );
      equal(
        bodies,
        bodies.toSorted((a, b) => a - b),
        "the order of the answers",
      );
    },
  },
];
