import { SessionError } from "../../core/errors.ts";
import type { Awaitable } from "../../core/store.ts";
import { field } from "../sql/failures.ts";
import type { PostgresClientLike } from "./clients.ts";

/** As much of `pg`'s `Client` as listens. */
export interface PgListenerLike {
  connect(): Promise<unknown>;
  query(text: string): Promise<unknown>;
  // Listeners for `notification`, `error` and `end`; the types of its own are one function for all events.
  on(event: never, listener: never): unknown;
  end(): Promise<unknown>;
}

/** The events of a client of `pg`, as far as they are listened to. */
interface PgEvents {
  on(event: "notification", listener: (message: { readonly channel: string; readonly payload?: string }) => void): unknown;
  on(event: "error" | "end", listener: (error?: Error) => void): unknown;
}

/** As much of `postgres`'s `sql` as listens. */
export interface PostgresJsListenerLike {
  listen(channel: string, listener: (payload: string) => void, onListen: () => void): PromiseLike<unknown>;
  end(options?: { timeout?: number }): Promise<unknown>;
}

/** A client that a feed listens with, and that nothing else uses. */
export type PostgresListenerLike = PgListenerLike | PostgresJsListenerLike;

/** What is listened to, and who is told. */
export interface ListenRequest {
  readonly channel: string;
  onPayload(payload: string): void;
  /** The connection is over, or was over for a while. */
  onOver(error: Error): void;
}

/** One connection that listens. */
export interface Listening {
  readonly started: Promise<void>;
  end(): void;
}

/** @throws {SessionError} `ERR_SESSION_CONFIG` for a client of another shape */
export function listenTo(client: PostgresListenerLike, request: ListenRequest): Listening {
  if (has(client, "listen", "end")) return postgresJsListening(client as PostgresJsListenerLike, request);
  if (has(client, "connect", "query", "on", "end")) return pgListening(client as PgListenerLike, request);
  throw config("`listen` must give a new `Client` of `pg`, or a `sql` of `postgres`");
}

/** How long a connection may take to say goodbye. */
const GOODBYE_MS = 1000;

function pgListening(client: PgListenerLike, { channel, onPayload, onOver }: ListenRequest): Listening {
  let ended = false;
  const events = client as PgEvents;
  events.on("error", (error) => onOver(error ?? over()));
  events.on("end", () => onOver(over()));
  events.on("notification", (message) => {
    if (message.channel === channel) onPayload(message.payload ?? "");
  });
  return {
    started: (async () => {
      await client.connect();
      await client.query(`LISTEN "${channel.replaceAll('"', '""')}"`);
    })(),
    end() {
      if (ended) return;
      ended = true;
      void client.end().catch(() => undefined);
      // The other side may be gone without a word, and would be waited for.
      setTimeout(() => destroySocket(client), GOODBYE_MS).unref();
    },
  };
}

function destroySocket(client: PgListenerLike): void {
  const stream = field(field(client, "connection"), "stream");
  if (typeof stream === "object" && stream !== null && has(stream, "destroy")) {
    (stream as { destroy(): void }).destroy();
  }
}

function postgresJsListening(sql: PostgresJsListenerLike, { channel, onPayload, onOver }: ListenRequest): Listening {
  let times = 0;
  // It connects again by itself, and says so by listening once more: what was sent in between is lost.
  const onListen = (): void => {
    if (++times > 1) onOver(over());
  };
  let isSettled = false;
  const started = Promise.resolve(sql.listen(channel, onPayload, onListen)).then(() => undefined);
  const settled = started.catch(() => undefined).then(() => void (isSettled = true));
  const end = (): void => void sql.end({ timeout: 0 }).catch(() => undefined);
  return {
    started,
    end() {
      if (isSettled) return end();
      // A socket that is being opened would be left open.
      void settled.then(end);
      setTimeout(end, GOODBYE_MS).unref();
    },
  };
}

/**
 * A function that gives a new client each time, to the same database as this one.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` for a client of which no other can be made
 */
export function listenersLike(client: PostgresClientLike): () => Awaitable<PostgresListenerLike> {
  // The `sql` of `postgres` is a function.
  const options: unknown = Reflect.get(client, "options");
  const Client: unknown = Reflect.get(client, "Client");
  if (typeof Client === "function" && typeof options === "object" && options !== null) {
    const Made = Client as new (options: object) => PgListenerLike;
    return () => new Made(options);
  }
  if ("unsafe" in client && typeof field(options, "shared") === "object") {
    // As `listen` of `postgres` does it, but with a connection that can be ended by itself.
    return async () => (await postgresJs())({ ...(options as object), max: 1 });
  }
  throw config("`client` must be a `Pool` of `pg` or the `sql` of `postgres`; over another one, give `listen`");
}

// Not a literal where it is imported: a bundler must not look for it.
const POSTGRES_JS: string = "postgres";

async function postgresJs(): Promise<(options: object) => PostgresJsListenerLike> {
  try {
    const module: unknown = await import(POSTGRES_JS);
    return field(module, "default") as (options: object) => PostgresJsListenerLike;
  } catch (error) {
    throw new SessionError("ERR_SESSION_CONFIG", "postgresFeed: `postgres` cannot be imported from here; give `listen`", {
      cause: error,
    });
  }
}

function over(): Error {
  return new Error("The connection of the feed ended");
}

function has(object: object, ...methods: readonly string[]): boolean {
  return methods.every((name) => typeof Reflect.get(object, name) === "function");
}

function config(problem: string): SessionError {
  return new SessionError("ERR_SESSION_CONFIG", `postgresFeed: ${problem}`);
}
