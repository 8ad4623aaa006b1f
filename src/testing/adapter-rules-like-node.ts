import type { ServerResponse } from "node:http";
import type { Answer } from "./adapter-client.ts";
import type { AdapterRule, KitReply, KitRoute, KitServer } from "./adapter-rule.ts";
import { equal, fail } from "./assert.ts";

type Log = (what: string) => void;

function tryTo(log: Log, what: string, act: () => unknown): void {
  try {
    act();
    log(`${what}: done`);
  } catch (error) {
    const { name, code } = error as Error & { readonly code?: string };
    log(`${what}: ${name} ${code}`);
  }
}

function state(res: ServerResponse, log: Log, when: string): void {
  log(`${when}: ${res.headersSent} ${res.writableEnded} ${res.statusCode}`);
}

function touchHeaders(res: ServerResponse, log: Log, when: string): void {
  tryTo(log, `${when} setHeader`, () => res.setHeader("x-late", "1"));
  tryTo(log, `${when} appendHeader`, () => res.appendHeader("x-late", "1"));
  tryTo(log, `${when} setHeaders`, () => res.setHeaders(new Map([["x-late", "1"]])));
  tryTo(log, `${when} removeHeader`, () => res.removeHeader("x-early"));
  tryTo(log, `${when} writeHead`, () => res.writeHead(202));
  log(`${when} x-early: ${String(res.getHeader("x-early"))}, x-late: ${res.hasHeader("x-late")}`);
}

/** Ways to use a response, right and wrong. */
const uses: Readonly<Record<string, (res: ServerResponse, log: Log) => void>> = {
  "the state of a response in one piece": (res, log) => {
    state(res, log, "at first");
    res.setHeader("x-early", "1");
    res.end("all");
    state(res, log, "after end");
    touchHeaders(res, log, "after end");
  },
  "the state of a response in pieces": (res, log) => {
    res.setHeader("x-early", "1");
    res.write("one ");
    state(res, log, "after write");
    touchHeaders(res, log, "after write");
    res.end("two");
    state(res, log, "after end");
  },
  "the state after writeHead": (res, log) => {
    res.setHeader("x-early", "0");
    res.writeHead(201, "Just made", { "x-early": "1" });
    state(res, log, "after writeHead");
    touchHeaders(res, log, "after writeHead");
    res.end("made");
  },
  "a status that is set too late": (res, log) => {
    res.statusCode = 203;
    res.statusMessage = "In time";
    res.end("words");
    res.statusCode = 500;
    res.statusMessage = "Too late";
    log(String(res.statusCode));
  },
  "a second end": (res, log) => {
    res.end("first", () => log("first callback"));
    // Whether its callback meets an error depends on whether the bytes are out already.
    tryTo(log, "end", () => res.end());
    tryTo(log, "end with a callback", () => res.end(() => {}));
  },
  "a write after the end": (res, log) => {
    res.on("error", (error: Error & { code?: string }) => log(`error event ${error.code}`));
    res.end("first");
    tryTo(log, "write", () =>
      log(String(res.write("more", (error) => log(`callback ${(error as { code?: string })?.code}`)))),
    );
  },
  "chunks that are none": (res, log) => {
    for (const chunk of [null, undefined, 5, {}, [], true])
      tryTo(log, `write ${JSON.stringify(chunk)}`, () => res.write(chunk));
    for (const chunk of [5, {}, true]) tryTo(log, `end ${JSON.stringify(chunk)}`, () => res.end(chunk));
    log(`nothing was sent: ${res.headersSent}`);
    res.end("words");
  },
  "heads that are none": (res, log) => {
    for (const status of [0, 99, 1000, -1, Number.NaN]) tryTo(log, `writeHead ${status}`, () => res.writeHead(status));
    tryTo(log, "a line break", () => res.writeHead(200, { "x-own": "a\r\nb" }));
    tryTo(log, "a bad name", () => res.writeHead(200, { "x own": "1" }));
    tryTo(log, "half a pair", () => res.writeHead(200, ["x-own"]));
    log(`nothing was sent: ${res.headersSent}`);
    res.statusCode = 200;
    res.end("words");
  },
  "a status that is none": (res, log) => {
    res.statusCode = 5;
    tryTo(log, "end", () => res.end("words"));
    res.statusCode = 200;
    res.end("words");
  },
  "encodings and bytes": (res) => {
    res.write("776f", "hex");
    res.write(new Uint8Array([114, 100]));
    res.end("cw==", "base64");
  },
  "an end without words": (res) => {
    res.end();
  },
  "an end with an empty text": (res) => {
    res.setHeader("Content-Type", "text/plain");
    res.end("");
  },
  "a length given beforehand": (res) => {
    res.setHeader("Content-Length", 5);
    res.write("wo");
    res.end("rds");
  },
  "headers of several values": (res) => {
    res.setHeader("x-list", ["1", "2"]);
    res.setHeader("x-early", "0");
    res.writeHead(200, { "x-early": "1", "X-Number": 7, "x-more": ["a", "b"] });
    res.end("words");
  },
  "a flat list with one name twice": (res) => {
    res.writeHead(200, ["X-Twice", "1", "X-Twice", "2"]);
    res.end("words");
  },
  "corked writes": (res) => {
    res.cork();
    res.write("wo");
    res.write("rds");
    res.uncork();
    res.end();
  },
};

/** What names a request's own moment, and what the session adds. */
const OWN = new Set(["date", "set-cookie", "vary", "cache-control"]);

function told({ status, message, headers, body }: Answer): unknown {
  return { status, message, body, headers: headers.filter(([name]) => !OWN.has(name.toLowerCase())) };
}

async function probe(
  start: (route: KitRoute) => Promise<KitServer>,
  use: (res: ServerResponse, log: Log) => void,
  method: string,
  withSession: boolean,
): Promise<unknown> {
  const log: string[] = [];
  const closed = Promise.withResolvers<void>();
  const server = await start({
    path: "/probe",
    async answer(call): Promise<KitReply> {
      const { res } = call.node ?? fail("the target gave no Node response");
      if (withSession) (await call.session().load()).count = 1;
      res.once("finish", () => log.push(`finish ${res.headersSent} ${res.writableFinished}`));
      res.once("close", closed.resolve);
      use(res, (what) => log.push(what));
      return "answered";
    },
  });
  const answer = await server.visitor().get("/probe", { method });
  await closed.promise;
  return { answer: told(answer), log };
}

/** To its handler a response that waits for the store looks as Node's own does. */
export const likeNodeRules: readonly AdapterRule[] = Object.entries(uses).map(([name, use]) => ({
  name: `as on a plain server: ${name}`,
  needs: ["node"],
  async run({ start }) {
    for (const method of ["GET", "HEAD"]) {
      const plain = await probe((route) => start([route], { mounted: "never" }), use, method, false);
      const ours = await probe((route) => start([route]), use, method, true);
      equal(ours, plain, `${method}, what was answered and what the handler was told`);
    }
  },
}));
