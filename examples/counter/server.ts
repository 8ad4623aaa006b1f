import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createSessions } from "sojourn";
import { nodeSession } from "sojourn/node";
import { sqliteStore } from "sojourn/stores/sqlite";
import { page } from "./page.ts";

/** What this application keeps for a visitor. */
interface Visit {
  count?: number;
}

const sessions = createSessions<Visit>({
  store: sqliteStore("sessions.db"),
  // The counter is served over plain http on loopback: the one case in which a cookie may do without `Secure`.
  cookie: { secure: false },
});

/** The tutorial's view: counts, exactly, however many requests run at once. */
async function counter(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const count = await sessions.of(req).update((visit) => (visit.count = (visit.count ?? 0) + 1));
  answer(req, res, count === 1 ? "No count in session. Setting to 1" : `new count=${count}`);
}

/** What the cookie stands for: the stored session, decoded. */
async function show(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const session = sessions.of(req);
  await session.load();
  const stored = session.id === null ? null : await sessions.find(session.id);
  answer(req, res, stored === null ? "There is no session yet." : JSON.stringify(stored, null, 2));
}

async function logout(req: IncomingMessage, res: ServerResponse): Promise<void> {
  await sessions.of(req).logout();
  res.writeHead(303, { Location: "/" }).end();
}

function answer(req: IncomingMessage, res: ServerResponse, text: string): void {
  const asksForHtml = req.headers.accept?.includes("text/html") === true;
  res.setHeader("Content-Type", `text/${asksForHtml ? "html" : "plain"}; charset=utf-8`);
  res.end(asksForHtml ? page(text) : `${text}\n`);
}

const routes: Readonly<Record<string, typeof counter>> = {
  "GET /": counter,
  "GET /session": show,
  "POST /logout": logout,
};

const server = createServer(
  nodeSession(sessions).wrap((req, res) => {
    const view = routes[`${req.method} ${req.url?.split("?", 1)[0]}`];
    if (view !== undefined) return view(req, res);
    res.writeHead(404, { "Content-Type": "text/plain" }).end("There is nothing here.\n");
  }),
);

const port = Number(process.env["PORT"] ?? 3000);

if (Number.isInteger(port) && port >= 0 && port <= 65_535) server.listen(port, "127.0.0.1", welcome);
else refuse("PORT must be a number from 0 to 65535.");

server.on("error", (error: NodeJS.ErrnoException) => {
  const taken = `Port ${port} is in use. Choose another one: PORT=${port + 1} npm start`;
  refuse(error.code === "EADDRINUSE" ? taken : error.message);
});

function welcome(): void {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  console.log(`The counter is at ${url}, its sessions are in sessions.db.

  Open ${url} in a browser, and reload. Or count with curl and a cookie jar:
    curl -b /tmp/jar -c /tmp/jar ${url}/

  Decipher the cookie that it set, from the jar, or by its value (a browser's tools show it, as "sid"):
    npx sojourn inspect - < /tmp/jar
    npx sojourn inspect VALUE

  See all sessions:
    npx sojourn list
    sqlite3 sessions.db "SELECT * FROM sojourn_sessions_readable"

  Stop it with Ctrl+C, and start it again: it counts on.`);
}

process.on("SIGINT", stop);
process.on("SIGTERM", stop);

/** Finishes the requests that are under way, then closes the store. */
function stop(): void {
  if (!server.listening) return;
  server.close(() => void sessions.close().then(() => console.log("Stopped.")));
  server.closeIdleConnections();
}

function refuse(message: string): void {
  console.error(message);
  process.exitCode = 1;
  void sessions.close();
}
