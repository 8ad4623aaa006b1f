// The counter, started: PORT is where it listens, SOJOURN_STORE where its sessions are, WORKERS how many processes serve it.
import cluster from "node:cluster";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  createSessions,
  DEFAULT_STORE,
  isSessionError,
  storeFromUrl,
  type SessionStore,
  type StatelessStore,
} from "sojourn";
import { counterApp, type Visit } from "./app.ts";
import { startWorkers } from "./workers.ts";

const url = process.env["SOJOURN_STORE"] ?? DEFAULT_STORE;
const port = numberOf("PORT", 3000, 0, 65_535);
const workers = numberOf("WORKERS", 1, 1, 64);
const store = port === undefined || workers === undefined ? undefined : openStore();

if (store !== undefined && port !== undefined && workers !== undefined) {
  if (workers === 1 || cluster.isWorker) serve(store, port);
  else void supervise(store, workers);
}

/** One process: the server itself. */
function serve(opened: SessionStore | StatelessStore, wanted: number): void {
  const sessions = createSessions<Visit>({
    store: opened,
    // The counter is served over plain http on loopback: the one case in which a cookie may do without `Secure`.
    cookie: { secure: false },
  });
  const app = counterApp(sessions);
  const server = createServer((req, res) => {
    if (cluster.worker !== undefined) res.setHeader("X-Worker", String(cluster.worker.id));
    return app(req, res);
  });
  server.on("error", (error: NodeJS.ErrnoException) => {
    const taken = `Port ${wanted} is in use. Choose another one: PORT=${wanted + 1} npm start`;
    refuse(error.code === "EADDRINUSE" ? taken : error.message);
    void sessions.close().then(disconnect);
  });
  server.listen(wanted, "127.0.0.1", () => {
    if (cluster.isPrimary) welcome((server.address() as AddressInfo).port);
  });

  /** Finishes the requests that are under way, then closes the store. */
  onStop(function stop() {
    if (!server.listening) {
      server.once("listening", stop);
      return;
    }
    server.close(() => {
      void sessions.close().then(() => {
        if (cluster.isPrimary) console.log("Stopped.");
        disconnect();
      });
    });
    server.closeIdleConnections();
  });
}

/** Several processes behind one port: this one starts the others and ends them. */
async function supervise(opened: SessionStore | StatelessStore, count: number): Promise<void> {
  const { name, reach } = opened;
  // It was opened to be looked at: each worker opens its own.
  if ("close" in opened) await opened.close?.();
  if (reach === "process") {
    refuse(
      `The ${name} store keeps its sessions in one process: each of ${count} workers would have its own, and visitors would lose theirs.\n` +
        `Name a store that they share, as in SOJOURN_STORE=${DEFAULT_STORE}, or start one: WORKERS=1 npm start`,
    );
    return;
  }
  onStop(
    startWorkers({
      count,
      onReady: welcome,
      onRefused: refuse,
      onStopped: () => console.log("Stopped."),
    }),
  );
}

function openStore(): SessionStore | StatelessStore | undefined {
  try {
    return storeFromUrl(url);
  } catch (error) {
    if (!isSessionError(error)) throw error;
    refuse(`SOJOURN_STORE: ${error.message}`);
    return undefined;
  }
}

function numberOf(name: string, fallback: number, least: number, most: number): number | undefined {
  const value = Number(process.env[name] ?? fallback);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  refuse(`${name} must be a number from ${least} to ${most}.`);
  return undefined;
}

function onStop(stop: () => void): void {
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}

/** A worker is held by its connection to the first process. */
function disconnect(): void {
  if (cluster.isWorker) process.disconnect();
}

/** Says why it cannot begin, through the first process, so that it is said once. */
function refuse(message: string): void {
  process.exitCode = 1;
  if (cluster.isWorker) process.send?.(message);
  else console.error(message);
}

function welcome(listening: number): void {
  const address = `http://127.0.0.1:${listening}`;
  const isDefault = url === DEFAULT_STORE;
  const served = workers === 1 ? "" : `, served by ${workers} processes`;
  const kept = isDefault ? "in sessions.db" : `where SOJOURN_STORE says (${store?.name ?? ""})`;
  const look = isDefault ? '\n    sqlite3 sessions.db "SELECT * FROM sojourn_sessions_readable"' : "";
  console.log(`The counter is at ${address}${served}, its sessions are ${kept}.

  Open ${address} in a browser, and reload. Or count with curl and a cookie jar:
    curl -b /tmp/jar -c /tmp/jar ${address}/

  Decipher the cookie that it set, from the jar, or by its value (a browser's tools show it, as "sid"):
    npx sojourn inspect - < /tmp/jar
    npx sojourn inspect VALUE

  See all sessions:
    npx sojourn list${look}

  Stop it with Ctrl+C, and start it again: it counts on.`);
}
