import { SessionError } from "./errors.ts";
import { publish } from "./events.ts";
import type { SessionHandle } from "./id.ts";
import type { SessionRecord, Tombstone } from "./record.ts";
import type {
  CreateOutcome,
  LoadOutcome,
  RetireOutcome,
  RotateOutcome,
  SaveOutcome,
  SessionStore,
  StatelessStore,
  TouchOutcome,
} from "./store.ts";

/** A cookie as it was sent, its chunks joined. */
export class SentCookie {
  readonly name: string;
  readonly value: string;

  constructor(name: string, value: string) {
    this.name = name;
    this.value = value;
  }
}

/** One request's cookie, with the verbs of a store: so that a session need not know that its store keeps nothing. */
export class CookieRecord implements SessionStore {
  readonly name: string;
  readonly reach = "none";
  readonly durable: boolean;
  readonly #store: StatelessStore;
  readonly #cookieName: string;
  readonly #sent: SentCookie | undefined;
  #record: SessionRecord | null | undefined;
  /** The value of the record that was put here last. */
  #sealed: string | null | undefined;
  #isWritable: () => boolean = () => true;

  /** @param cookieName the name to seal for; what was sent may have come under an older one */
  constructor(store: StatelessStore, cookieName: string, sent: SentCookie | undefined) {
    this.name = store.name;
    this.durable = store.durable;
    this.#store = store;
    this.#cookieName = cookieName;
    this.#sent = sent;
  }

  /** Says until when a new value can still reach the client. */
  writableWhile(isWritable: () => boolean): void {
    this.#isWritable = isWritable;
  }

  /** The cookie's value now, or null when there is no session. */
  seal(): string | null {
    if (this.#sealed !== undefined) return this.#sealed;
    const record = this.#current();
    return record === null ? null : this.#store.seal(record, this.#cookieName);
  }

  load(): LoadOutcome {
    const record = this.#current();
    return record === null ? { status: "missing" } : { status: "live", record };
  }

  create(record: SessionRecord): CreateOutcome {
    this.#put(record);
    return { status: "created" };
  }

  save(record: SessionRecord, expectedVersion: string): SaveOutcome {
    const current = this.#current();
    if (current === null) return { status: "missing" };
    if (current.version !== expectedVersion) return { status: "conflict", record: current };
    this.#put(record);
    return { status: "saved" };
  }

  touch(_handle: SessionHandle, version: string, expiresAt: number): TouchOutcome {
    const current = this.#current();
    if (current === null || current.version !== version) return { status: "stale" };
    this.#put({ ...current, expiresAt: Math.max(current.expiresAt, expiresAt) });
    return { status: "touched" };
  }

  retire(_handle: SessionHandle, tombstone: Tombstone): RetireOutcome {
    if (this.#current() === null) return { status: "missing" };
    this.#put(null);
    return { status: "retired", tombstone };
  }

  rotate(_handle: SessionHandle, expectedVersion: string, record: SessionRecord): RotateOutcome {
    const outcome = this.save(record, expectedVersion);
    return outcome.status === "saved" ? { status: "rotated" } : outcome;
  }

  #current(): SessionRecord | null {
    if (this.#record !== undefined) return this.#record;
    if (this.#sent === undefined) return (this.#record = null);
    const opened = this.#store.open(this.#sent.value, this.#sent.name);
    if (opened.status === "missing" && opened.tampered) publish("tampered", { store: this.name });
    return (this.#record = opened.status === "live" ? opened.record : null);
  }

  #put(record: SessionRecord | null): void {
    if (!this.#isWritable()) throw new SessionError("ERR_SESSION_HEADERS_SENT");
    // A session that is too large has to fail here, before the response is on its way.
    this.#sealed = record === null ? null : this.#store.seal(record, this.#cookieName);
    this.#record = record;
  }
}
