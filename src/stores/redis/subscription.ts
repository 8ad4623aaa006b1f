import { SessionError } from "../../core/errors.ts";
import { endingOf, type Ending } from "./node-redis-end.ts";

/** What a subscription is asked for, and whom it tells. */
export interface SubscriptionRequest {
  /** What the keys begin with, of which no text is the beginning of another. */
  readonly tracked: readonly string[];
  /** Keys that were changed, as the server names them; null for all there are. */
  onKeys(keys: readonly string[] | null): void;
  /** The connection is over; whoever is told ends the subscription, as its client might connect again and say nothing of it. */
  onOver(error: Error): void;
}

/** One connection on which the server tells of changed keys. */
export interface Subscription {
  /** Resolves once it tells of every change; rejects when that cannot be. */
  readonly started: Promise<void>;
  end(): void;
}

const CHANNEL = "__redis__:invalidate";

/** As much of a client of node-redis as listens. */
export interface NodeRedisListener {
  connect(): Promise<unknown>;
  sendCommand(words: string[]): Promise<unknown>;
  subscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
  on(event: string, listener: (error?: Error) => void): unknown;
  destroy(): void;
  readonly options?: { readonly RESP?: unknown };
}

/** As much of a client of ioredis as listens. */
export interface IoRedisListener {
  connect(): Promise<unknown>;
  call(word: string, ...words: string[]): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  on(event: "messageBuffer", listener: (channel: unknown, message: unknown) => void): unknown;
  on(event: string, listener: (error?: Error) => void): unknown;
  disconnect(): void;
  readonly options?: { readonly protocol?: unknown };
}

/**
 * Listens with a client that nothing else uses. It speaks RESP2: there the server sends what it tracks as messages of a channel, which
 * both libraries hand on, also to a connection that tracks for itself; of RESP3's own messages ioredis hands on none.
 */
export function subscribeTo(client: object, request: SubscriptionRequest): Subscription {
  if (isNodeRedis(client)) return new NodeRedisSubscription(client, request);
  if (isIoRedis(client)) return new IoRedisSubscription(client, request);
  throw new SessionError("ERR_SESSION_CONFIG", "redisFeed: `listen` must give a client of node-redis or of ioredis");
}

/** What makes the server tell the connection itself of the keys, whoever changes them, itself included. */
function trackingCommand(id: unknown, tracked: readonly string[]): string[] {
  const prefixes = tracked.flatMap((prefix) => ["PREFIX", prefix]);
  return ["CLIENT", "TRACKING", "ON", "REDIRECT", String(id), "BCAST", ...prefixes];
}

class NodeRedisSubscription implements Subscription {
  readonly started: Promise<void>;
  readonly #client: NodeRedisListener;
  readonly #ending: Ending;

  constructor(client: NodeRedisListener, { tracked, onKeys, onOver }: SubscriptionRequest) {
    this.#client = client;
    // First of all: whoever is told that it is over ends it.
    this.#ending = endingOf(client);
    client.on("error", (error = ended()) => onOver(error));
    client.on("end", () => onOver(ended()));
    this.started = this.#start(tracked, (message) => onKeys(keysIn(message)));
  }

  end(): void {
    this.#ending.end();
  }

  async #start(tracked: readonly string[], listener: (message: unknown) => void): Promise<void> {
    if (this.#client.options?.RESP !== 2) throw protocol("RESP: 2");
    await this.#ending.connect();
    await allowed(async () => {
      const id = await this.#client.sendCommand(["CLIENT", "ID"]);
      await this.#client.sendCommand(trackingCommand(id, tracked));
      await this.#client.subscribe(CHANNEL, listener);
    });
  }
}

class IoRedisSubscription implements Subscription {
  readonly started: Promise<void>;
  readonly #client: IoRedisListener;

  constructor(client: IoRedisListener, { tracked, onKeys, onOver }: SubscriptionRequest) {
    this.#client = client;
    let last: Error | undefined;
    client.on("error", (error) => (last = error));
    client.on("close", () => onOver(last ?? ended()));
    client.on("messageBuffer", (_channel: unknown, message: unknown) => onKeys(keysIn(message)));
    this.started = this.#start(tracked);
  }

  end(): void {
    this.#client.disconnect();
  }

  async #start(tracked: readonly string[]): Promise<void> {
    // Version 5 knows no other protocol, and no option for it.
    const { protocol: spoken = 2 } = this.#client.options ?? {};
    if (spoken !== 2) throw protocol("protocol: 2");
    await this.#client.connect();
    await allowed(async () => {
      const id = await this.#client.call("CLIENT", "ID");
      const [word = "", ...words] = trackingCommand(id, tracked);
      await this.#client.call(word, ...words);
      await this.#client.subscribe(CHANNEL);
    });
  }
}

function ended(): Error {
  return new Error("The connection of the feed ended");
}

/** Tells what no second try will mend. */
async function allowed(commands: () => Promise<void>): Promise<void> {
  try {
    await commands();
  } catch (error) {
    if (!(error instanceof Error && /^NOPERM|unknown (sub)?command/i.test(error.message))) throw error;
    const needed = "`CLIENT ID`, `CLIENT TRACKING` and `SUBSCRIBE` to the channel `__redis__:invalidate`";
    const problem = `redisFeed: Redis must be 6.2 or newer and let its user have ${needed}`;
    throw new SessionError("ERR_SESSION_CONFIG", problem, { cause: error });
  }
}

function keysIn(message: unknown): readonly string[] | null {
  // What has another shape cannot be told from the loss of everything.
  return Array.isArray(message) ? message.map((key) => String(key)) : null;
}

function isNodeRedis(client: object): client is NodeRedisListener {
  return has(client, "connect", "sendCommand", "subscribe", "on", "destroy");
}

function isIoRedis(client: object): client is IoRedisListener {
  return has(client, "connect", "call", "subscribe", "on", "disconnect");
}

function has(object: object, ...methods: readonly string[]): boolean {
  return methods.every((name) => typeof Reflect.get(object, name) === "function");
}

function protocol(option: string): SessionError {
  return new SessionError(
    "ERR_SESSION_CONFIG",
    `redisFeed: the client that \`listen\` gives must be made with \`${option}\``,
  );
}
