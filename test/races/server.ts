// One server process of the race tests: `node server.ts STORE_URL [OPTIONS]`, options as JSON. Prints its port; ends with its standard input,
// by itself, once nothing is left open.
import { createServer } from "node:http";
import { nodeSession } from "../../src/adapters/node.ts";
import { createSessions, sum } from "../../src/index.ts";

interface Visit {
  count?: number;
  summed?: number;
  [key: string]: unknown;
}

const sessions = createSessions<Visit>({
  store: process.argv[2]!,
  cookie: { secure: false },
  merge: { summed: sum },
  ...(JSON.parse(process.argv[3] ?? "{}") as object),
});
const barriers = new Map<string, { reached(): void; open(): void; reach: Promise<void>; opened: Promise<void> }>();

function barrier(name: string) {
  const known = barriers.get(name);
  if (known !== undefined) return known;
  const reach = Promise.withResolvers<void>();
  const open = Promise.withResolvers<void>();
  const made = { reached: reach.resolve, open: open.resolve, reach: reach.promise, opened: open.promise };
  barriers.set(name, made);
  return made;
}

const routes: Record<string, (request: object, query: URLSearchParams) => Promise<unknown>> = {
  "/increment": (request) => sessions.of(request).update((visit) => (visit.count = (visit.count ?? 0) + 1)),
  async "/sum"(request) {
    const visit = await sessions.of(request).load();
    visit.summed = (visit.summed ?? 0) + 1;
    return "ok";
  },
  async "/key"(request, query) {
    (await sessions.of(request).load())[query.get("key")!] = query.get("key");
    return "ok";
  },
  async "/show"(request) {
    const session = sessions.of(request);
    return { data: await session.load(), userId: session.userId };
  },
  "/login": async (request, query) => void (await sessions.of(request).login(query.get("user")!)),
  "/cycle": (request) => sessions.of(request).cycleId(),
  "/logout": (request) => sessions.of(request).logout(),
  async "/slow"(request, query) {
    const visit = await sessions.of(request).load();
    const held = barrier(query.get("barrier")!);
    held.reached();
    await held.opened;
    visit["late"] = true;
    return "ok";
  },
  "/untouched": async () => "ok",
  "/reached": (_request, query) => barrier(query.get("barrier")!).reach,
  "/open": async (_request, query) => barrier(query.get("barrier")!).open(),
};

// The clients look at the statuses.
const listener = nodeSession(sessions, { onError: () => undefined }).wrap(async (request, response) => {
  const url = new URL(request.url!, "http://localhost");
  response.end(JSON.stringify((await routes[url.pathname]!(request, url.searchParams)) ?? null));
});

const server = createServer(listener).listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" ? address?.port : ""}\n`);
});
// On a loaded machine a client would else send on a connection that is being closed for its idleness.
server.keepAliveTimeout = 0;
process.stdin.resume().on("end", () => {
  server.close(() => void sessions.close());
  server.closeAllConnections();
});
