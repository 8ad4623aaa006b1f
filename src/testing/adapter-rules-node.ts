import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { AdapterRule, KitCall, KitReply, KitRoute } from "./adapter-rule.ts";
import { headerOf, linesOf } from "./adapter-client.ts";
import {
  counter,
  expectAnswer,
  expectCookie,
  knownVisitor,
  logout,
  newBarrier,
  read,
  sessionCookies,
  settled,
  stillHeld,
  storeDown,
  untouched,
} from "./adapter-rule-support.ts";
import { likeNodeRules } from "./adapter-rules-like-node.ts";
import { equal, fail, ok } from "./assert.ts";

/** A handler that writes to the session and answers on Node's response by itself. */
function onNode(path: string, act: (res: ServerResponse, call: KitCall) => unknown): KitRoute {
  return {
    path,
    async answer(call): Promise<KitReply> {
      const visit = await call.session().load();
      visit.count = (visit.count ?? 0) + 1;
      const { res } = call.node ?? fail("the target gave no Node response");
      // Not every framework begins with it.
      res.statusCode = 200;
      await act(res, call);
      return "answered";
    },
  };
}

const headForms: Readonly<Record<string, (res: ServerResponse) => unknown>> = {
  "an object": (res) => res.writeHead(200, { "Set-Cookie": "own=1", "X-Own": "1" }),
  "an object with several cookies": (res) => res.writeHead(200, { "Set-Cookie": ["own=1", "more=2"], "X-Own": "1" }),
  "an object after a message": (res) => res.writeHead(200, "Fine", { "set-cookie": "own=1", "x-own": "1" }),
  "a flat list": (res) => res.writeHead(200, ["Set-Cookie", "own=1", "Set-Cookie", "more=2", "X-Own", "1"]),
  "a flat list over headers set before": (res) => {
    res.setHeader("X-Own", "0");
    res.writeHead(200, ["Set-Cookie", "own=1", "X-Own", "1"]);
  },
  "a list of pairs": (res) =>
    res.writeHead(200, [
      ["Set-Cookie", "own=1"],
      ["X-Own", "1"],
    ] as unknown as string[]),
  "nothing, and headers set before": (res) => {
    res.setHeader("Set-Cookie", "own=1");
    res.setHeader("X-Own", "1");
    res.writeHead(200);
  },
  "no call at all, and headers appended before": (res) => {
    res.appendHeader("Set-Cookie", "own=1");
    res.appendHeader("Set-Cookie", "more=2");
    res.setHeader("X-Own", "1");
  },
};

/** Handlers that answer on Node's own response. */
export const nodeRules: readonly AdapterRule[] = [
  ...Object.entries(headForms).map(([form, writeHead]): AdapterRule => ({
    name: `writeHead with ${form}: the session's cookie is there once, and the handler's headers are too`,
    needs: ["node"],
    async run({ start }) {
      const own = onNode("/own", (res) => {
        writeHead(res);
        res.end("own");
      });
      const server = await start([own]);
      const answer = await server.visitor().get("/own");
      expectAnswer(answer, 200, "own");
      equal(answer.message, form.includes("message") ? "Fine" : "OK", "the status message");
      expectCookie(answer, server, "writeHead");
      const others = linesOf(answer, "set-cookie").filter((text) => !text.startsWith("__Host-"));
      ok(others[0] === "own=1" && others.every((text) => /^(own=1|more=2)$/.test(text)), "the handler's cookies are there");
      equal(linesOf(answer, "x-own"), ["1"], "the handler's header");
    },
  })),
  {
    name: "what is written while the store is asked is kept in order, with its callbacks, and `drain` follows",
    needs: ["node"],
    async run({ start, store }) {
      const log: string[] = [];
      const own = onNode("/own", (res) => {
        res.on("drain", () => log.push(res.writableNeedDrain ? "drain, and yet full" : "drain"));
        const more = res.write("one ", () => log.push("one"));
        ok(!more && res.writableNeedDrain, "the first write asks the handler to wait");
        res.write(Buffer.from("two "), () => log.push("two"));
        res.write("dGhyZWU=", "base64", () => log.push("three"));
        log.push("returned");
      });
      const end = onNode("/end", (res) => {
        res.write("one ");
        res.end("last", () => log.push("ended"));
      });
      const server = await start([own, end, untouched]);
      const call = store.hold("create");
      const visit = server.visitor().visit("/own");
      await call.reached;
      await stillHeld(server, visit, "pieces");
      equal(log, ["returned"], "what the handler was told while the store was asked");
      call.resume();
      expectCookie(await visit.head, server, "pieces");
      visit.abort();
      await settled(server);
      ok(log.includes("drain"), "`drain` was emitted");
      equal(
        log.filter((text) => text !== "drain"),
        ["returned", "one", "two", "three"],
        "the callbacks",
      );
      log.length = 0;
      expectAnswer(await server.visitor().get("/end"), 200, "one last");
      equal(log, ["ended"], "the callback of `end`");
    },
  },
  {
    name: "streams piped into the response, with `pipe` and with `pipeline`, arrive whole",
    needs: ["node"],
    async run({ start }) {
      const parts = Array.from({ length: 40 }, (_, at) => String.fromCharCode(97 + (at % 26)).repeat(40_000));
      const pipe = onNode("/pipe", (res) => void Readable.from(parts).pipe(res));
      const line = onNode("/pipeline", (res) => pipeline(Readable.from(parts), res));
      const server = await start([pipe, line]);
      for (const path of ["/pipe", "/pipeline"]) {
        const answer = await server.visitor().get(path);
        expectCookie(answer, server, path);
        ok(answer.body === parts.join(""), `${path}: ${answer.body.length} characters came`);
      }
    },
  },
  {
    name: "a stream whose session cannot be stored is answered with 503, and is let go",
    needs: ["node"],
    async run({ start, store }) {
      const parts = Array.from({ length: 40 }, () => "words ".repeat(8_000));
      const closed: Promise<unknown>[] = [];
      const source = (): Readable => {
        const stream = Readable.from(parts);
        closed.push(new Promise((resolve) => stream.once("close", resolve)));
        return stream;
      };
      const pipe = onNode("/pipe", (res) => void source().pipe(res));
      const line = onNode("/pipeline", (res) => void pipeline(source(), res).catch(() => {}));
      const loop = onNode("/loop", (res) => {
        for (const part of parts) res.write(part);
        setImmediate(() => res.end("words"));
      });
      const server = await start([pipe, line, loop]);
      store.break("create", storeDown());
      for (const path of ["/pipe", "/pipeline", "/loop"]) {
        const answer = await server.visitor().get(path);
        equal(answer.status, 503, `the status of ${path}`);
        ok(!answer.body.includes("words"), `the body of ${path} is not the handler's`);
      }
      await Promise.all(closed);
    },
  },
  {
    name: "flushHeaders waits for the store, and what is written later streams",
    needs: ["node"],
    async run({ start, store }) {
      const next = newBarrier();
      const events = onNode("/events", async (res) => {
        res.writeHead(200, { "Content-Type": "text/event-stream" });
        res.flushHeaders();
        void next.wait().then(() => {
          res.write("data: 1\n\n");
          res.end("data: 2\n\n");
        });
      });
      const server = await start([events, untouched]);
      const call = store.hold("create");
      const visit = server.visitor().visit("/events");
      await call.reached;
      await stillHeld(server, visit, "flushHeaders");
      call.resume();
      expectCookie(await visit.head, server, "flushHeaders");
      next.open();
      expectAnswer(await visit.answer, 200, "data: 1\n\ndata: 2\n\n");
    },
  },
  {
    name: "early hints pass at once and without a cookie; the response after them has it",
    needs: ["node"],
    async run({ start }) {
      const hints = onNode("/hints", (res) => {
        res.writeEarlyHints({ link: "</style.css>; rel=preload; as=style" });
        res.end("hinted");
      });
      const server = await start([hints]);
      const visit = server.visitor().visit("/hints");
      const answer = await visit.answer;
      expectAnswer(answer, 200, "hinted");
      expectCookie(answer, server, "the response");
      equal(
        visit.informational.map((head) => [head.status, headerOf(head, "set-cookie")]),
        [[103, undefined]],
        "the hints",
      );
    },
  },
  {
    name: "a session that was ended while a handler streamed on Node's response is answered with 400",
    needs: ["node"],
    async run({ start }) {
      const barrier = newBarrier();
      const slow = onNode("/slow", async (res) => {
        await barrier.wait();
        res.writeHead(200, { "X-Handler": "yes", "Set-Cookie": "own=1" });
        res.write("the handler's ");
        res.end("words");
      });
      const server = await start([counter, slow, logout, read]);
      const visitor = await knownVisitor(server);
      const answer = server.visitor(visitor.cookies).get("/slow");
      await barrier.reached;
      await visitor.get("/logout");
      barrier.open();
      const { status, body } = await answer;
      equal([status, body.includes("words"), headerOf(await answer, "x-handler")], [400, false, undefined], "the answer");
      equal(sessionCookies(await answer, server), [], "the session's cookies");
    },
  },
  ...likeNodeRules,
];
