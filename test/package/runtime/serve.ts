// A counter as Bun and Deno serve it: started by runtime.test.ts, with a folder, the store's name and the kind of server as arguments. Prints its
// port.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fetchSession } from "../../../src/adapters/fetch.ts";
import { nodeSession } from "../../../src/adapters/node.ts";
import { createSessions } from "../../../src/index.ts";
import { fileStore } from "../../../src/stores/file.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { type SqliteDatabaseLike, sqliteStore } from "../../../src/stores/sqlite.ts";

/** What this file uses of Bun and Deno, whose types the project does not install. */
interface Runtimes {
  readonly Bun?: { serve(options: { port: number; hostname: string; fetch: Handler }): { readonly port: number } };
  readonly Deno?: {
    serve(
      options: { port: number; hostname: string; onListen(address: { readonly port: number }): void },
      handler: Handler,
    ): unknown;
  };
}

type Handler = (request: Request) => Promise<Response>;

const { Bun, Deno } = globalThis as Runtimes;
const [, , folder = "", name = "memory", server = "web"] = process.argv;

const stores = {
  memory: () => memoryStore(),
  file: () => fileStore(join(folder, "sessions")),
  sqlite: () => sqliteStore(join(folder, "sessions.db")),
  "bun:sqlite": () => {
    const { Database } = createRequire(import.meta.url)("bun:sqlite") as {
      Database: new (path: string) => SqliteDatabaseLike;
    };
    return sqliteStore({ database: new Database(join(folder, "sessions.db")), closeDatabase: true });
  },
};
const store = stores[name as keyof typeof stores]();
const sessions = createSessions<{ count?: number }>({ store, cookie: { secure: false } });

const handler = fetchSession(sessions, async (request, session) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/logout") await session.logout();
  if (pathname === "/login") await session.login("ada", { keep: ["count"] });
  if (pathname === "/read") return Response.json({ ...(await session.load()), userId: session.userId });
  if (pathname === "/count")
    return new Response(String(await session.update((visit) => (visit.count = (visit.count ?? 0) + 1))));
  return Response.redirect(new URL("/read", request.url), 303);
});

if (server === "node") serveNode();
else if (Bun !== undefined) announce(Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: handler }).port);
else Deno?.serve({ port: 0, hostname: "127.0.0.1", onListen: ({ port }) => announce(port) }, handler);

/** The runtime's own node:http, whose responses are held back until the session is stored. */
function serveNode(): void {
  const listening = createServer(
    nodeSession(sessions).wrap(async (req, res) => {
      const session = sessions.of(req);
      if (req.url === "/count") res.end(String(await session.update((visit) => (visit.count = (visit.count ?? 0) + 1))));
      else {
        const visit = await session.load();
        visit.count = (visit.count ?? 0) + 100;
        res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(visit));
      }
    }),
  );
  listening.listen(0, "127.0.0.1", () => {
    const address = listening.address();
    if (typeof address === "object" && address !== null) announce(address.port);
  });
}

function announce(port: number): void {
  console.log(`port ${port}`);
}
