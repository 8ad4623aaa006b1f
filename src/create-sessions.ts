import type { SessionsOptions } from "./core/options.ts";
import { Sessions } from "./core/sessions.ts";
import { storeFromUrl } from "./store-url.ts";

/** The store of an application that names none: SQLite, one file in the working directory. */
export const DEFAULT_STORE = "sqlite:sessions.db";

/**
 * Makes an application's sessions: once, at its start; then handed to an adapter.
 *
 * `T` is the shape of the session's data; with a `schema` it is what the schema gives.
 *
 * @throws {SessionError} ERR_SESSION_CONFIG for options that cannot work
 */
export function createSessions<T extends object = Record<string, unknown>>(options: SessionsOptions<T> = {}): Sessions<T> {
  const { store = DEFAULT_STORE } = options;
  return new Sessions<T>({ ...options, store: typeof store === "string" ? storeFromUrl(store) : store });
}
