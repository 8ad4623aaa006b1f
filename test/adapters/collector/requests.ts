// Serves requests on responses without a socket, and prints how often the collector of old objects had to run, and how many bytes each
// request left among them: `node requests.ts PATH`.
import { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { constants, PerformanceObserver } from "node:perf_hooks";
import { Duplex } from "node:stream";
import { getHeapSpaceStatistics } from "node:v8";
import { nodeSession } from "../../../src/adapters/node.ts";
import { createSessions } from "../../../src/index.ts";

const REQUESTS = 60_000;

const sessions = createSessions<{ count?: number }>({ store: "memory:", cookie: { secure: false } });
const listener = nodeSession(sessions).wrap(async (req, res) => {
  if (req.url === "/untouched") return res.end("ok");
  const visit = await sessions.of(req).load();
  if (req.url === "/write") visit.count = (visit.count ?? 0) + 1;
  return res.end(String(visit.count ?? 0));
});

class Sink extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

function answered(url: string, cookie: string | undefined): Promise<ServerResponse> {
  return new Promise((resolve) => {
    const socket = new Sink() as unknown as Socket;
    const req = Object.assign(new IncomingMessage(socket), { url, method: "GET", httpVersionMajor: 1, httpVersionMinor: 1 });
    if (cookie !== undefined) req.headers.cookie = cookie;
    const res = new ServerResponse(req);
    res.assignSocket(socket);
    res.on("finish", () => {
      res.detachSocket(socket);
      resolve(res);
    });
    listener(req, res);
  });
}

const path = process.argv[2] ?? "/untouched";
const [line] = (await answered("/write", undefined)).getHeader("set-cookie") as string[];
const cookie = line?.slice(0, line.indexOf(";"));
for (let served = 0; served < REQUESTS; served++) await answered(path, cookie);
let runs = 0;
const observer = new PerformanceObserver((list) => {
  for (const entry of list.getEntries() as unknown as { readonly detail: { readonly kind: number } }[]) {
    if (entry.detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) runs++;
  }
});
observer.observe({ entryTypes: ["gc"] });
const old = (): number => getHeapSpaceStatistics().find((space) => space.space_name === "old_space")?.space_used_size ?? 0;
let left = 0;
let before = old();
for (let served = 0; served < REQUESTS; served++) {
  await answered(path, cookie);
  if (served % 1000 > 0) continue;
  const now = old();
  // It shrinks where the old were collected.
  left += Math.max(0, now - before);
  before = now;
}
// What was seen is handed over in the next turns of the event loop.
for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
process.stdout.write(JSON.stringify({ runs, bytes: Math.round(left / REQUESTS) }));
