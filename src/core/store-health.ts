import { SessionError } from "./errors.ts";
import type { ResolvedOptions } from "./options.ts";

type HealthOptions = Pick<ResolvedOptions, "clock" | "breakerFailures" | "breakerSeconds">;

/** Whether a call changes something. */
export type CallKind = "read" | "write";

/**
 * Keeps requests from a store that is down: after so many failures in a row it is not asked for a while, then one call goes ahead,
 * and its answer decides. A store that takes no writes is still read; one that cannot be read is not written to either.
 */
export class StoreHealth {
  readonly #name: string;
  readonly #reads: Breaker;
  readonly #writes: Breaker;

  constructor(name: string, options: HealthOptions) {
    this.#name = name;
    this.#reads = new Breaker(options);
    this.#writes = new Breaker(options);
  }

  /** @throws {SessionError} ERR_SESSION_STORE, with nothing sent, while the store is given a rest */
  admit(kind: CallKind): void {
    if (kind === "read") return this.#refuse(this.#reads.admit());
    this.#refuse(this.#reads.restMs() > 0 ? this.#reads.restMs() : this.#writes.admit());
  }

  succeeded(kind: CallKind): void {
    this.#reads.succeeded();
    if (kind === "write") this.#writes.succeeded();
  }

  failed(kind: CallKind): void {
    (kind === "read" ? this.#reads : this.#writes).failed();
  }

  #refuse(restMs: number | undefined): void {
    if (restMs === undefined) return;
    throw new SessionError("ERR_SESSION_STORE", `The store \`${this.#name}\` failed and is given a rest`, {
      applied: "no",
      retryAfterSeconds: Math.max(1, Math.ceil(restMs / 1000)),
    });
  }
}

class Breaker {
  readonly #options: HealthOptions;
  #failures = 0;
  #closedUntil = 0;
  #probing = false;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** Lets a call go ahead, or gives how long the rest still is in milliseconds. */
  admit(): number | undefined {
    if (this.#closedUntil === 0) return undefined;
    const rest = this.restMs();
    if (rest > 0 || this.#probing) return rest;
    this.#probing = true;
    return undefined;
  }

  /** How long the rest still is, in milliseconds; 0 when it is over, or there is none. */
  restMs(): number {
    if (this.#closedUntil === 0) return 0;
    const longest = this.#options.breakerSeconds * 1000;
    const left = this.#closedUntil - this.#options.clock.now();
    // More than it can be means that the clock was set back.
    return left > longest ? 0 : Math.max(0, left);
  }

  succeeded(): void {
    this.#failures = 0;
    this.#closedUntil = 0;
    this.#probing = false;
  }

  failed(): void {
    const { breakerFailures, breakerSeconds, clock } = this.#options;
    this.#failures++;
    this.#probing = false;
    if (breakerFailures > 0 && this.#failures >= breakerFailures) this.#closedUntil = clock.now() + breakerSeconds * 1000;
  }
}
