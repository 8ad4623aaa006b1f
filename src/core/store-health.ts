import { SessionError } from "./errors.ts";
import type { ResolvedOptions } from "./options.ts";

type HealthOptions = Pick<ResolvedOptions, "clock" | "breakerFailures" | "breakerSeconds">;

/**
 * Keeps requests from a store that is down: after so many failures in a row it is not asked for a while, then one call goes ahead,
 * and its answer decides.
 */
export class StoreHealth {
  readonly #options: HealthOptions;
  readonly #name: string;
  #failures = 0;
  #closedUntil = 0;
  #probing = false;

  constructor(name: string, options: HealthOptions) {
    this.#name = name;
    this.#options = options;
  }

  /** @throws {SessionError} ERR_SESSION_STORE, with nothing sent, while the store is given a rest */
  admit(): void {
    if (this.#closedUntil === 0) return;
    const longest = this.#options.breakerSeconds * 1000;
    const left = this.#closedUntil - this.#options.clock.now();
    // More than it can be means that the clock was set back.
    const rest = left > longest ? 0 : left;
    if (rest <= 0 && !this.#probing) {
      this.#probing = true;
      return;
    }
    throw new SessionError("ERR_SESSION_STORE", `The store \`${this.#name}\` failed and is given a rest`, {
      applied: "no",
      retryAfterSeconds: Math.max(1, Math.ceil(rest / 1000)),
    });
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
