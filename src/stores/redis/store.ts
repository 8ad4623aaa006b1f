import { SessionError } from "../../core/errors.ts";
import { isLockHandle, type SessionHandle } from "../../core/id.ts";
import type { SessionRecord, Tombstone } from "../../core/record.ts";
import type {
  ClearBatch,
  CreateOutcome,
  ListPage,
  LoadOutcome,
  RetireOutcome,
  RotateOutcome,
  SaveOutcome,
  SessionStore,
  TouchOutcome,
  UserIndex,
} from "../../core/store.ts";
import type { Confirmation, RedisPort } from "./client.ts";
import { redisFailure } from "./failures.ts";
import { sessionKey, shardKeys, type Keys, type Shard } from "./keys.ts";
import { count, list, reasonOf, replyOf, stoneOf, storable, text, textOrNull, time, whole, type Reply } from "./replies.ts";
import * as scripts from "./scripts.ts";
import { shown, storedIn, withEpoch } from "./value.ts";

/** What a {@link RedisSessions} works with. */
export interface RedisSettings {
  readonly index: "all" | "users";
  readonly slackMs: number;
  readonly confirm: Confirmation | undefined;
}

/** A {@link SessionStore} in Redis. */
export interface RedisStore extends SessionStore {
  readonly users: UserIndex;
  /** With one shard only, as both handles must be in one slot. */
  rotate?(
    handle: SessionHandle,
    expectedVersion: string,
    record: SessionRecord,
    tombstone: Tombstone,
  ): Promise<RotateOutcome>;
  /** With `index: "all"` only. */
  list?(page: ListPage): Promise<readonly SessionRecord[]>;
  /** With `index: "all"` only. */
  clearExpired?(batch: ClearBatch): Promise<number>;
  /** Ends the store's use of the client, which stays open; not the connection that waits for replicas, which is the store's own. */
  close(): Promise<void>;
}

/** How many records one script reads or removes, so that it does not hold up the server. */
const AT_ONCE = 50;

/** The verbs, each of them one script. */
export class RedisSessions implements RedisStore {
  readonly name = "redis";
  readonly reach = "network";
  readonly durable = true;
  readonly home: string;
  readonly users: UserIndex;
  readonly rotate?: NonNullable<RedisStore["rotate"]>;
  readonly list?: NonNullable<RedisStore["list"]>;
  readonly clearExpired?: NonNullable<RedisStore["clearExpired"]>;
  readonly #port: RedisPort;
  readonly #keys: Keys;
  readonly #settings: RedisSettings;
  #closed = false;

  constructor(port: RedisPort, keys: Keys, settings: RedisSettings) {
    this.#port = port;
    this.#keys = keys;
    this.home = keys.home;
    this.#settings = settings;
    this.users = {
      epoch: (userId) => this.#epoch(storable(userId)),
      advanceEpoch: (userId, atLeast) => this.#advanceEpoch(storable(userId), count(atLeast, "An epoch")),
      sessionsOf: (userId) => this.#sessionsOf(storable(userId)),
    };
    if (keys.shards.length === 1) this.rotate = (...call) => this.#rotate(...call);
    if (settings.index === "all") {
      this.list = (page) => this.#list(page);
      this.clearExpired = (batch) => this.#clearExpired(batch);
    }
  }

  async load(handle: SessionHandle): Promise<LoadOutcome> {
    const shard = this.#shard(handle);
    const reply = await this.#ask(scripts.LOAD, [shard.epochs, sessionKey(shard, handle)], []);
    const [status, value, epoch = null] = reply;
    if (status === "missing") return { status };
    const stored = storedIn(handle, text(value));
    if ("tombstone" in stored) return { status: "retired", tombstone: stored.tombstone };
    return { status: "live", ...withEpoch(stored.record, epoch) };
  }

  async create(record: SessionRecord): Promise<CreateOutcome> {
    const shard = this.#shard(record.handle);
    const [status] = await this.#ask(scripts.CREATE, this.#session(shard, record.handle), this.#whole(record));
    return { status } as CreateOutcome;
  }

  async save(record: SessionRecord, expectedVersion: string): Promise<SaveOutcome> {
    const { handle } = record;
    const args = this.#whole(record);
    // What was created when stays as it is: its place is the expected version's.
    args[5] = storable(expectedVersion);
    const reply = await this.#ask(scripts.SAVE, this.#session(this.#shard(handle), handle), args);
    return reply[0] === "saved" ? { status: "saved" } : refusal(handle, reply);
  }

  async touch(handle: SessionHandle, version: string, expiresAt: number): Promise<TouchOutcome> {
    const args = [...this.#context(handle), storable(version), time(expiresAt)];
    const [status] = await this.#ask(scripts.TOUCH, this.#session(this.#shard(handle), handle), args);
    return { status } as TouchOutcome;
  }

  async retire(handle: SessionHandle, tombstone: Tombstone, expectedVersion?: string): Promise<RetireOutcome> {
    const expected = expectedVersion === undefined ? "" : `=${storable(expectedVersion)}`;
    const args = [...this.#context(handle), ...burial(tombstone), expected];
    const keys = this.#session(this.#shard(handle), handle);
    const reply = await this.#askConfirmed(scripts.RETIRE, keys, args);
    const [status] = reply;
    if (status === "missing") return { status };
    if (status === "retired") return { status, tombstone: stoneOf(reply) };
    return { status: "conflict", ...shown(handle, reply) };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#port.close();
  }

  async #rotate(
    handle: SessionHandle,
    expectedVersion: string,
    record: SessionRecord,
    tombstone: Tombstone,
  ): Promise<RotateOutcome> {
    const shard = this.#shard(handle);
    const keys = [...this.#session(shard, handle), sessionKey(shard, storableHandle(record.handle))];
    const args = [...this.#whole(record), handle, storable(expectedVersion), ...burial(tombstone)];
    const reply = await this.#askConfirmed(scripts.ROTATE, keys, args);
    const [status] = reply;
    return status === "rotated" || status === "exists" ? { status } : refusal(handle, reply);
  }

  async #epoch(userId: string): Promise<number> {
    const [epoch] = await this.#ask(scripts.EPOCH, [this.#keys.shardOf(userId).epochs], [userId]);
    return whole(epoch);
  }

  /** In every shard, as each session is checked against its own shard's copy. */
  async #advanceEpoch(userId: string, atLeast: string): Promise<number> {
    const replies = await all(
      this.#keys.shards.map((shard) => this.#askConfirmed(scripts.ADVANCE, [shard.epochs], [userId, atLeast])),
    );
    return Math.max(...replies.map(([epoch]) => whole(epoch)));
  }

  async #sessionsOf(userId: string): Promise<readonly SessionRecord[]> {
    const start = `${Buffer.byteLength(userId)}:${userId}:`;
    const found = await all(
      this.#keys.shards.map(async (shard) => {
        const entries = await this.#page(shard.users, `[${start}`, `(${start.slice(0, -1)};`, -1);
        const handles = entries.map((each) => each.slice(start.length) as SessionHandle);
        return this.#records(shard, handles, userId);
      }),
    );
    return found.flat();
  }

  async #list({ after, limit }: ListPage): Promise<readonly SessionRecord[]> {
    const wanted = Number(count(limit, "The limit of a page"));
    const page: SessionRecord[] = [];
    let from = after === undefined ? "-" : `(${storableHandle(after)}`;
    while (page.length < wanted) {
      const missing = wanted - page.length;
      const pages = await all(this.#keys.shards.map((shard) => this.#page(shard.handles, from, "+", missing)));
      const next = pages.flat().sort().slice(0, missing) as SessionHandle[];
      const found = await all(
        this.#keys.shards.map((shard) => {
          const own = next.filter((handle) => this.#keys.shardOf(handle) === shard);
          return this.#records(shard, own, null);
        }),
      );
      page.push(...found.flat().sort((a, b) => (a.handle < b.handle ? -1 : 1)));
      if (next.length < missing) break;
      // Entries of sessions that are over made the page shorter than it may be: there may be more after them.
      from = `(${String(next.at(-1))}`;
    }
    return page;
  }

  async #clearExpired(batch: ClearBatch): Promise<number> {
    const before = time(batch.before);
    const limit = Number(count(batch.limit, "The limit of a batch"));
    let removed = 0;
    for (const shard of this.#keys.shards) {
      while (removed < limit) {
        const due = strings(
          await this.#send(scripts.DUE, [shard.deadlines], [before, String(Math.min(limit - removed, AT_ONCE))]),
        );
        if (due.length === 0) break;
        const keys = due.map((each) => sessionKey(shard, handleIn(each)));
        removed += Number(await this.#send(scripts.SWEEP, [...shardKeys(shard), ...keys], [before, ...due]));
      }
    }
    return removed;
  }

  async #page(key: string, from: string, to: string, limit: number): Promise<readonly string[]> {
    return strings(await this.#send(scripts.PAGE, [key], [from, to, String(limit)]));
  }

  /** The records of handles in one shard; of one user, where that is asked for. */
  async #records(shard: Shard, handles: readonly SessionHandle[], userId: string | null): Promise<SessionRecord[]> {
    const found: SessionRecord[] = [];
    for (let start = 0; start < handles.length; start += AT_ONCE) {
      const some = handles.slice(start, start + AT_ONCE);
      const keys = [...shardKeys(shard), ...some.map((handle) => sessionKey(shard, handle))];
      const replies = list(await this.#send(scripts.RECORDS, keys, [userArgument(userId), ...some]));
      for (const value of replies) {
        const reply = replyOf(value);
        found.push(shown(text(reply.at(-1)) as SessionHandle, reply).record);
      }
    }
    return found;
  }

  #shard(handle: SessionHandle): Shard {
    return this.#keys.shardOf(storableHandle(handle));
  }

  #session(shard: Shard, handle: SessionHandle): string[] {
    return [...shardKeys(shard), sessionKey(shard, handle)];
  }

  /** What every write of a session begins with: mode, slack, handle. */
  #context(handle: SessionHandle): [mode: string, slack: string, handle: string] {
    const { index, slackMs } = this.#settings;
    const mode = index === "users" ? "u" : isLockHandle(handle) ? "l" : "a";
    return [mode, String(slackMs), handle];
  }

  #whole(record: SessionRecord): string[] {
    const { handle, data, version, createdAt, expiresAt, userId, epoch } = record;
    const user = userArgument(userId === null ? null : storable(userId));
    const times = [time(createdAt), time(expiresAt)];
    return [...this.#context(handle), storable(data), storable(version), ...times, user, count(epoch, "An epoch")];
  }

  #ask(script: scripts.RedisScript, keys: string[], args: string[]): Promise<Reply> {
    return this.#open().run(script, keys, args).then(replyOf, failed);
  }

  #send(script: scripts.RedisScript, keys: string[], args: string[]): Promise<unknown> {
    return this.#open().run(script, keys, args).catch(failed);
  }

  async #askConfirmed(script: scripts.RedisScript, keys: string[], args: readonly (string | null)[]): Promise<Reply> {
    const values = args.map((each) => text(each));
    const { confirm } = this.#settings;
    if (confirm === undefined) return this.#ask(script, keys, values);
    const port = this.#open();
    let outcome: Awaited<ReturnType<RedisPort["runConfirmed"]>>;
    try {
      outcome = await port.runConfirmed(script, keys, values, confirm);
    } catch (error) {
      throw redisFailure(error);
    }
    const reply = replyOf(outcome.reply);
    // What changed nothing needs nobody's confirmation.
    if (UNCHANGED.has(reply[0])) return reply;
    if (outcome.replicas >= confirm.replicas) return reply;
    throw new SessionError(
      "ERR_SESSION_STORE",
      `The change is stored on the Redis master, and ${outcome.replicas} of ${confirm.replicas} replicas confirmed it within ${confirm.timeoutMs} ms; a failover could undo it`,
    );
  }

  #open(): RedisPort {
    if (this.#closed) throw new SessionError("ERR_SESSION_USAGE", "The Redis store was closed");
    return this.#port;
  }
}

const UNCHANGED: ReadonlySet<string> = new Set(["missing", "conflict", "revoked", "exists"]);

function failed(error: unknown): never {
  throw redisFailure(error);
}

/** Waits for all of them also when one fails, so that no rejection goes unheard and no call is still under way. */
async function all<T>(calls: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(calls);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

function refusal(handle: SessionHandle, reply: Reply): Exclude<SaveOutcome, { status: "saved" }> {
  const [status, reason] = reply;
  if (status === "conflict") return { status, ...shown(handle, reply) };
  if (status === "retired") return { status, reason: reasonOf(reason) };
  return { status: status === "revoked" ? "revoked" : "missing" };
}

function strings(value: unknown): string[] {
  return list(value).map((each) => text(textOrNull(each)));
}

function userArgument(userId: string | null): string {
  return userId === null ? "" : `=${userId}`;
}

function burial({ reason, token, successor, until }: Tombstone): string[] {
  return [reason, storable(token), time(until), storable(successor ?? "")];
}

function storableHandle(handle: SessionHandle): SessionHandle {
  return storable(handle) as SessionHandle;
}

/** The handle in an entry of an index, which is the user's length in bytes, the user, and the handle. */
function handleIn(entry: string): SessionHandle {
  const colon = entry.indexOf(":");
  const bytes = Buffer.from(entry.slice(colon + 1));
  return bytes.toString("utf8", Number(entry.slice(0, colon)) + 1) as SessionHandle;
}
