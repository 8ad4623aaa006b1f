import { expressEngine, type ExpressSessionStoreLike } from "./express-session/client.ts";
import { check, checkNames, type KeyedOptions, resolveKeyedOptions } from "./keyed/options.ts";
import { Keys } from "./keyed/keys.ts";
import { KeyedSessions, type KeyedStore } from "./keyed/store.ts";

export type { ExpressSessionCallback, ExpressSessionStoreLike } from "./express-session/client.ts";
export type { KeyedOptions } from "./keyed/options.ts";
export type { KeyedStore } from "./keyed/store.ts";

/** Options of {@link expressSessionStore}. */
export interface ExpressSessionStoreOptions extends KeyedOptions {
  /** A store made for express-session: `new RedisStore({ client })`, `new (connectPgSimple(session))({ pool })` … */
  readonly store: ExpressSessionStoreLike;
  /** What the ids begin with under which the store keeps sojourn's sessions: letters, digits, `-`, `_`. Default `sojourn-`. */
  readonly prefix?: string;
}

const FACTORY = "expressSessionStore";
const NAMES: readonly string[] = ["store", "prefix"] satisfies (keyof ExpressSessionStoreOptions)[];
/** Many stores have a column of 128 characters for the id. */
const PREFIX = /^[\w-]{0,60}$/;

/**
 * Keeps sessions in a store that was made for express-session. Of it are used `get`, `set` and `destroy`.
 *
 * ```ts
 * expressSessionStore({ store: new RedisStore({ client }) }); // connect-redis
 * ```
 *
 * No such store can compare and write in one step. Within one process nothing is lost all the same. Between processes a session that was
 * ended stays ended, and of two writes of one session at the same moment the later one may win without the other being told; so
 * `session.exclusive()` throws, unless `reach` is `"process"`.
 *
 * A store that fails while it is read is `ERR_SESSION_STORE` with `applied: "no"`; while it is written, its own error. What it gives back
 * other than it was given is `ERR_SESSION_UNREADABLE`. Data with a NUL or half a surrogate pair is refused with `ERR_SESSION_DATA`. After
 * `close`, which leaves the store open, every call is `ERR_SESSION_USAGE`.
 *
 * By default it is taken to be durable and shared over the network; express-session's own `MemoryStore` is known for what it is.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG`
 */
export function expressSessionStore(options: ExpressSessionStoreOptions): KeyedStore {
  checkNames(FACTORY, options, NAMES);
  const { store, prefix = "sojourn-" } = options;
  const verbs = typeof store === "object" && store !== null ? [store.get, store.set, store.destroy] : [];
  const isStore = verbs.length > 0 && verbs.every((verb) => typeof verb === "function");
  check(FACTORY, isStore, "`store` must be an express-session store, with `get`, `set` and `destroy`");
  check(FACTORY, typeof prefix === "string" && PREFIX.test(prefix), "`prefix` must be at most 60 letters, digits, - or _");
  // An object may be without a constructor.
  const maker: { readonly name?: unknown } | undefined = store.constructor;
  const isMemory = maker?.name === "MemoryStore";
  return new KeyedSessions({
    name: "express-session",
    engine: expressEngine(store),
    keys: new Keys(prefix, "-"),
    shared: store,
    ...resolveKeyedOptions(FACTORY, options, { durable: !isMemory, reach: isMemory ? "process" : "network" }),
  });
}
