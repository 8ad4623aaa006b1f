import { isSessionError, SessionError } from "../../core/errors.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { SessionRecord, Tombstone } from "../../core/record.ts";
import type {
  CreateOutcome,
  LoadOutcome,
  RetireOutcome,
  SaveOutcome,
  SessionStore,
  TouchOutcome,
} from "../../core/store.ts";
import type { Access } from "./access.ts";
import { OutOfMemory } from "./failures.ts";
import { liveText, parseItem, retiredText, type Stored } from "./items.ts";
import { KnownRecords } from "./known.ts";
import type { Token } from "./tokens.ts";

/** A {@link SessionStore} in Memcached. */
export interface MemcachedStore extends SessionStore {
  /** Ends the connections, after the calls that are under way. */
  close(): Promise<void>;
}

/** What an item holds, and the token of the state in which it holds it. */
interface Seen<Content = Stored> {
  readonly content: Content;
  readonly token: Token;
}

/** For whoever ends a session, whatever it holds. */
type AnyContent = Stored | { readonly status: "unreadable" };

/** What a step of a verb came to: its outcome, or that the item is gone, or is in another state and has to be read again. */
type Step<Outcome> = Outcome | "missing" | "moved";

interface Missing {
  readonly status: "missing";
}

// Each time round, another writer was faster; so often in a row that something else must be wrong.
const MOST_TRIES = 1000;

/** The verbs: what is there is read, or known from before, and replaced only in the very state that was seen. */
export class MemcachedSessions implements MemcachedStore {
  readonly name = "memcached";
  readonly reach = "network";
  readonly durable = false;
  readonly #access: Access;
  readonly #end: () => Promise<void>;
  readonly #known = new KnownRecords();
  #closed = false;

  /** @param end ends the connections */
  constructor(access: Access, end: () => Promise<void>) {
    this.#access = access;
    this.#end = end;
  }

  async load(handle: SessionHandle): Promise<LoadOutcome> {
    const seen = await this.#find(handle);
    if (seen === undefined) return { status: "missing" };
    const { content, token } = seen;
    if (content.status === "live") this.#known.keep(content.record, token);
    return content;
  }

  async create(record: SessionRecord): Promise<CreateOutcome> {
    this.#checkOpen();
    const { added, token } = await this.#access.add(record.handle, liveText(record), record.expiresAt);
    if (added && token !== undefined) this.#known.keep(record, token);
    return { status: added ? "created" : "exists" };
  }

  async save(record: SessionRecord, expectedVersion: string): Promise<SaveOutcome> {
    const { handle } = record;
    const known = this.#recall(handle, expectedVersion);
    const step = async ({ content, token }: Seen): Promise<Step<SaveOutcome>> => {
      if (content.status === "retired") return { status: "retired", reason: content.tombstone.reason };
      if (content.record.version !== expectedVersion) return this.#conflict(content.record, token);
      const saved = { ...record, createdAt: content.record.createdAt };
      return (await this.#replace(saved, token)) ?? { status: "saved" };
    };
    return this.#decide(known, () => this.#find(handle), step);
  }

  async touch(handle: SessionHandle, version: string, expiresAt: number): Promise<TouchOutcome> {
    const known = this.#recall(handle, version);
    // Without a write the server does not say whether what is known still holds.
    const useful = known !== undefined && expiresAt > known.content.record.expiresAt ? known : undefined;
    const step = async ({ content, token }: Seen): Promise<Step<TouchOutcome>> => {
      if (content.status === "retired" || content.record.version !== version) return { status: "stale" };
      if (!(expiresAt > content.record.expiresAt)) return { status: "touched" };
      return (await this.#replace({ ...content.record, expiresAt }, token)) ?? { status: "touched" };
    };
    const outcome = await this.#decide(useful, () => this.#find(handle), step);
    return outcome.status === "missing" ? { status: "stale" } : outcome;
  }

  async retire(handle: SessionHandle, tombstone: Tombstone, expectedVersion?: string): Promise<RetireOutcome> {
    const known = this.#recall(handle, expectedVersion);
    const find = expectedVersion === undefined ? () => this.#findAny(handle) : () => this.#find(handle);
    const step = async ({ content, token }: Seen<AnyContent>): Promise<Step<RetireOutcome>> => {
      if (content.status === "retired") return this.#prolong(handle, content.tombstone, tombstone.until, token);
      if (content.status === "live" && expectedVersion !== undefined && content.record.version !== expectedVersion) {
        return this.#conflict(content.record, token);
      }
      return (await this.#bury(handle, tombstone, token)) ?? { status: "retired", tombstone: { ...tombstone } };
    };
    return this.#decide(known, find, step);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#known.clear();
    await this.#end();
  }

  /** Takes a step after the other until one decides: each time that the item has moved on, it is read again. */
  async #decide<Content, Outcome>(
    known: Seen<Content> | undefined,
    find: () => Promise<Seen<Content> | undefined>,
    step: (seen: Seen<Content>) => Promise<Step<Outcome>>,
  ): Promise<Outcome | Missing> {
    let seen = known;
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      seen ??= await find();
      if (seen === undefined) return { status: "missing" };
      const outcome = await step(seen);
      if (outcome === "missing") return { status: "missing" };
      if (outcome !== "moved") return outcome;
      seen = undefined;
    }
    throw new SessionError("ERR_SESSION_CONTENTION");
  }

  /** @throws {SessionError} `ERR_SESSION_UNREADABLE` */
  async #find(handle: SessionHandle): Promise<Seen | undefined> {
    this.#checkOpen();
    const found = await this.#access.read(handle);
    return found && { content: parseItem(handle, found.value), token: found.token };
  }

  async #findAny(handle: SessionHandle): Promise<Seen<AnyContent> | undefined> {
    this.#checkOpen();
    const found = await this.#access.read(handle);
    if (found === undefined) return undefined;
    try {
      return { content: parseItem(handle, found.value), token: found.token };
    } catch (error) {
      if (isSessionError(error, "ERR_SESSION_UNREADABLE")) return { content: { status: "unreadable" }, token: found.token };
      throw error;
    }
  }

  #recall(handle: SessionHandle, version: string | undefined): Seen<Extract<Stored, { status: "live" }>> | undefined {
    this.#checkOpen();
    const known = this.#known.take(handle, version);
    return known && { content: { status: "live", record: known.record }, token: known.token };
  }

  /** Undefined when it is done. */
  async #replace(record: SessionRecord, token: Token): Promise<"missing" | "moved" | undefined> {
    const swapped = await this.#access.swap(record.handle, token, liveText(record), record.expiresAt);
    if (swapped.outcome !== "stored") return swapped.outcome;
    if (swapped.token !== undefined) this.#known.keep(record, swapped.token);
    return undefined;
  }

  /** Undefined when it is done. */
  async #bury(handle: SessionHandle, tombstone: Tombstone, token: Token): Promise<"missing" | "moved" | undefined> {
    try {
      const { outcome } = await this.#access.swap(handle, token, retiredText(tombstone), tombstone.until);
      return outcome === "stored" ? undefined : outcome;
    } catch (error) {
      // A full server must not keep anybody logged in. What was rotated stays, for the sake of its successor's name.
      if (!isOutOfMemory(error) || tombstone.reason !== "ended") throw error;
      const removed = await this.#access.remove(handle, token);
      return removed === "removed" ? undefined : removed;
    }
  }

  async #prolong(handle: SessionHandle, earlier: Tombstone, until: number, token: Token): Promise<Step<RetireOutcome>> {
    if (until <= earlier.until) return { status: "retired", tombstone: earlier };
    const later = { ...earlier, until };
    try {
      const { outcome } = await this.#access.swap(handle, token, retiredText(later), until);
      return outcome === "stored" ? { status: "retired", tombstone: later } : outcome;
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      return { status: "retired", tombstone: earlier };
    }
  }

  #conflict(record: SessionRecord, token: Token): { status: "conflict"; record: SessionRecord } {
    this.#known.keep(record, token);
    return { status: "conflict", record };
  }

  #checkOpen(): void {
    if (this.#closed) throw new SessionError("ERR_SESSION_USAGE", "The Memcached store was closed");
  }
}

function isOutOfMemory(error: unknown): boolean {
  return isSessionError(error) && error.cause instanceof OutOfMemory;
}
