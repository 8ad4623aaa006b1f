import { SessionError } from "../../core/errors.ts";
import { connectOrEnd } from "./connecting.ts";
import type { RedisScript } from "./scripts.ts";

/** As much of node-redis (5 or newer) as the store uses: what `createClient`, `createCluster` and `createSentinel` give. */
export interface NodeRedisLike {
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  // Its types differ between client, cluster and Sentinel; the three methods used are the same.
  multi(...routing: never[]): object;
  duplicate?(): unknown;
}

/** As much of ioredis (5 or newer, or a client of its shape) as the store uses: `Redis` or `Cluster`. */
export interface IoRedisLike {
  evalsha(sha: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>;
  eval(script: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>;
  pipeline(): object;
  duplicate?(...overrides: never[]): unknown;
  readonly isCluster?: boolean;
}

/** A connected client of either library. */
export type RedisClientLike = NodeRedisLike | IoRedisLike;

/** How many replicas must have a write, and how long to wait for them. */
export interface Confirmation {
  readonly replicas: number;
  readonly timeoutMs: number;
}

/** Both libraries' clients, as the store sees them. */
export interface RedisPort {
  readonly isCluster: boolean;
  /** Runs a script by its name, and by its text when the server does not know it. All keys are in one slot. */
  run(script: RedisScript, keys: string[], args: string[]): Promise<unknown>;
  /**
   * As `run`, then asks on the same connection how many replicas have what was written. The connection is one of its own, a duplicate
   * of the client's: while it waits, no other call waits with it.
   */
  runConfirmed(
    script: RedisScript,
    keys: readonly string[],
    args: readonly string[],
    confirmation: Confirmation,
  ): Promise<{ readonly reply: unknown; readonly replicas: number }>;
  /** Ends the connection that waits, if there is one; the client itself stays open. */
  close(): void;
}

type Sending = "sha" | "text";

/**
 * @param asked the function that was called, for the message
 * @throws {SessionError} `ERR_SESSION_CONFIG` for an object of neither shape
 */
export function portOf(client: RedisClientLike, asked = "redisStore"): RedisPort {
  const candidate: unknown = client;
  if (!isObject(candidate)) throw unknownClient(asked);
  silence(candidate);
  if (has(candidate, "evalSha", "eval", "multi")) return new NodeRedisPort(candidate as unknown as NodeRedisLike);
  if (has(candidate, "evalsha", "eval", "pipeline")) return new IoRedisPort(candidate as unknown as IoRedisLike);
  throw unknownClient(asked);
}

/** The first sending fails on a server that has not seen the script: after its start, a failover, or for good after SCRIPT FLUSH. */
function withFallback<T>(send: (sending: Sending) => Promise<T>): Promise<T> {
  return sentBy(() => send("sha")).catch((error: unknown) => {
    if (!(error instanceof Error) || !error.message.includes("NOSCRIPT")) throw error;
    return send("text");
  });
}

/** A promise also of what throws at once, and of what is only like a promise. */
function sentBy<T>(send: () => Promise<T>): Promise<T> {
  try {
    return Promise.resolve(send());
  } catch (error) {
    return rejected(error);
  }
}

async function rejected(error: unknown): Promise<never> {
  throw error;
}

interface NodeRedisPipeline {
  evalSha: NodeRedisLike["evalSha"];
  eval: NodeRedisLike["eval"];
  wait(replicas: number, timeoutMs: number): unknown;
  execAsPipeline(): Promise<readonly unknown[]>;
}

class NodeRedisPort implements RedisPort {
  readonly isCluster: boolean;
  readonly #client: NodeRedisLike;
  #duplicate: NodeRedisLike | undefined;
  #waiting: Promise<NodeRedisLike> | undefined;

  constructor(client: NodeRedisLike) {
    this.#client = client;
    this.isCluster = "nodeClient" in client;
  }

  run({ sha, text }: RedisScript, keys: string[], args: string[]): Promise<unknown> {
    const options = { keys, arguments: args };
    return withFallback((sending) =>
      sending === "sha" ? this.#client.evalSha(sha, options) : this.#client.eval(text, options),
    );
  }

  async runConfirmed(
    { sha, text }: RedisScript,
    keys: readonly string[],
    args: readonly string[],
    { replicas, timeoutMs }: Confirmation,
  ): Promise<{ reply: unknown; replicas: number }> {
    const options = { keys: [...keys], arguments: [...args] };
    return withFallback(async (sending) => {
      // A pipeline stays on one connection, and is never sent again in part.
      const pipeline = (await this.#waitingClient()).multi(...([keys[0]] as never[])) as NodeRedisPipeline;
      void (sending === "sha" ? pipeline.evalSha(sha, options) : pipeline.eval(text, options));
      pipeline.wait(replicas, timeoutMs);
      return confirmed(await firstErrorOf(pipeline.execAsPipeline()));
    });
  }

  close(): void {
    // Also one that is not connected yet, and would try for ever.
    if (this.#duplicate !== undefined) endDuplicate(this.#duplicate, "destroy");
    this.#duplicate = undefined;
    this.#waiting = undefined;
  }

  #waitingClient(): Promise<NodeRedisLike> {
    return (this.#waiting ??= this.#connected().catch((error: unknown) => {
      this.close();
      throw error;
    }));
  }

  async #connected(): Promise<NodeRedisLike> {
    const client = this.#client.duplicate?.() as (NodeRedisLike & { connect(): Promise<unknown> }) | undefined;
    if (client === undefined) return this.#client;
    this.#duplicate = client;
    silence(client);
    await connectOrEnd(client, () => endDuplicate(client, "destroy"));
    return client;
  }
}

/** node-redis hides the errors of a pipeline behind one of its own. */
async function firstErrorOf(replies: Promise<readonly unknown[]>): Promise<readonly unknown[]> {
  try {
    return await replies;
  } catch (error) {
    const all: unknown = isObject(error) ? Reflect.get(error, "replies") : undefined;
    throw (Array.isArray(all) ? all.find((each) => each instanceof Error) : undefined) ?? error;
  }
}

interface IoRedisPipeline {
  evalsha: IoRedisLike["evalsha"];
  eval: IoRedisLike["eval"];
  wait(replicas: number, timeoutMs: number): unknown;
  exec(): Promise<readonly (readonly [error: Error | null, reply: unknown])[] | null>;
}

class IoRedisPort implements RedisPort {
  readonly isCluster: boolean;
  readonly #client: IoRedisLike;
  #duplicate: IoRedisLike | undefined;

  constructor(client: IoRedisLike) {
    this.#client = client;
    this.isCluster = client.isCluster === true;
  }

  run({ sha, text }: RedisScript, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return withFallback((sending) =>
      sending === "sha"
        ? this.#client.evalsha(sha, keys.length, ...keys, ...args)
        : this.#client.eval(text, keys.length, ...keys, ...args),
    );
  }

  async runConfirmed(
    { sha, text }: RedisScript,
    keys: readonly string[],
    args: readonly string[],
    { replicas, timeoutMs }: Confirmation,
  ): Promise<{ reply: unknown; replicas: number }> {
    return withFallback(async (sending) => {
      const pipeline = this.#waitingClient().pipeline() as IoRedisPipeline;
      void (sending === "sha"
        ? pipeline.evalsha(sha, keys.length, ...keys, ...args)
        : pipeline.eval(text, keys.length, ...keys, ...args));
      pipeline.wait(replicas, timeoutMs);
      const results = (await pipeline.exec()) ?? [];
      for (const [error] of results) if (error !== null) throw error;
      return confirmed(results.map(([, reply]) => reply));
    });
  }

  close(): void {
    if (this.#duplicate !== undefined) endDuplicate(this.#duplicate, "disconnect");
    this.#duplicate = undefined;
  }

  #waitingClient(): IoRedisLike {
    if (this.#duplicate !== undefined) return this.#duplicate;
    // Its first call comes before it is connected, also where the client itself is told to refuse such calls.
    const queueing = { enableOfflineQueue: true };
    const overrides = (this.isCluster ? [[], queueing] : [queueing]) as never[];
    const client = this.#client.duplicate?.(...overrides) as IoRedisLike | undefined;
    if (client === undefined) return this.#client;
    silence(client);
    this.#duplicate = client;
    return client;
  }
}

function confirmed([reply, replicas]: readonly unknown[]): { reply: unknown; replicas: number } {
  return { reply, replicas: Number(replicas) };
}

function endDuplicate(client: object, method: "destroy" | "disconnect"): void {
  if (!has(client, method)) return;
  try {
    (Reflect.get(client, method) as () => void).call(client);
  } catch {
    // It was never open.
  }
}

/** Without a listener, a lost connection ends the process (node-redis) or is printed each time (ioredis); calls report it anyway. */
function silence(client: object): void {
  if (!has(client, "on", "listenerCount")) return;
  const emitter = client as { on(event: string, listener: () => void): void; listenerCount(event: string): number };
  if (emitter.listenerCount("error") === 0) emitter.on("error", () => {});
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function has(object: object, ...methods: readonly string[]): boolean {
  return methods.every((name) => typeof Reflect.get(object, name) === "function");
}

function unknownClient(asked: string): SessionError {
  return new SessionError("ERR_SESSION_CONFIG", `${asked}: \`client\` must be a client of node-redis or of ioredis`);
}
