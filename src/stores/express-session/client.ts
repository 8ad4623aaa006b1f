import type { KeyedEngine } from "../keyed/engine.ts";

/** What an express-session store calls back with: an error, or none, and what was asked for. */
export type ExpressSessionCallback = (error?: unknown, value?: unknown) => void;

/** As much of an express-session store as is used. */
export interface ExpressSessionStoreLike {
  get(sid: string, callback: ExpressSessionCallback): unknown;
  set(sid: string, session: object, callback: ExpressSessionCallback): unknown;
  destroy(sid: string, callback: ExpressSessionCallback): unknown;
}

/** What is handed to such a store as a session: a cookie, from which stores take how long to keep it, and the text. */
interface Envelope {
  readonly cookie: {
    readonly originalMaxAge: number;
    readonly maxAge: number;
    readonly expires: Date;
    readonly httpOnly: true;
    readonly path: "/";
  };
  readonly sojourn: string;
}

const LONGEST_MS = (2 ** 31 - 1) * 1000;

/** An express-session store as an engine. */
export function expressEngine(store: ExpressSessionStoreLike): KeyedEngine {
  return {
    async get(key) {
      let value: unknown;
      try {
        value = await called((callback) => store.get(key, callback));
      } catch (error) {
        // As express-session has it: a file that is not there is no failure.
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
        throw error;
      }
      if (!value) return null;
      // What is there and lacks the text cannot be read, rather than being nothing.
      return typeof value === "object" && "sojourn" in value ? (value.sojourn ?? value) : value;
    },
    async set(key, text, keepUntil) {
      await called((callback) => store.set(key, envelope(text, keepUntil), callback));
    },
    async remove(key) {
      await called((callback) => store.destroy(key, callback));
    },
  };
}

function envelope(text: string, keepUntil: number): Envelope {
  const now = Date.now();
  const maxAge = Math.min(Math.max(1, keepUntil - now), LONGEST_MS);
  const cookie = { originalMaxAge: maxAge, maxAge, expires: new Date(now + maxAge), httpOnly: true, path: "/" } as const;
  return { cookie, sojourn: text };
}

/**
 * Waits for a store's first answer: it may call back at once, twice, or with nothing; throw in place of that; or reject the promise that it
 * gives besides.
 */
function called(send: (callback: ExpressSessionCallback) => unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(error instanceof Error ? error : new StoreFailure(error));
    const given = send((error, value) => {
      if (error) fail(error);
      else resolve(value);
    });
    Promise.resolve(given).catch(fail);
  });
}

/** What a store called back with that was no error. */
class StoreFailure extends Error {
  override readonly name = "StoreFailure";

  constructor(what: unknown) {
    super("The store failed with something that is no error", { cause: what });
  }
}
