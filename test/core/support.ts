import { Sessions } from "../../src/core/sessions.ts";
import type { Session } from "../../src/core/session.ts";
import type { SessionsOptions } from "../../src/core/options.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { SessionStore } from "../../src/core/store.ts";
import { type HeaderChanges, processRequest, processResponse } from "../../src/middleware/exchange.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { type FakeClock, fakeClock } from "../../src/testing/fake-clock.ts";

export interface Visit {
  count?: number;
  cart?: string[];
  seen?: number;
  nested?: { a?: number; b?: number; deep?: { x?: number; y?: number } };
  name?: string;
  [key: string]: unknown;
}

export interface World {
  readonly sessions: Sessions<Visit>;
  readonly store: SessionStore;
  readonly clock: Clock & FakeClock;
  /** One request: opens, handles, responds; gives what the response's headers would be. */
  request(options?: RequestOptions): Promise<Reply>;
  open(options?: RequestOptions): Exchange;
}

export interface RequestOptions {
  readonly cookie?: string | undefined;
  readonly headers?: Record<string, string>;
  readonly status?: number;
  readonly responseHeaders?: Record<string, string>;
  readonly aborted?: boolean;
  readonly secure?: boolean;
  readonly handle?: (session: Session<Visit>) => unknown;
}

export interface Exchange {
  readonly session: Session<Visit>;
  respond(status?: number, extra?: Pick<RequestOptions, "responseHeaders" | "aborted">): Promise<Reply>;
}

export interface Reply extends HeaderChanges {
  readonly session: Session<Visit>;
  /** The cookie header that a browser would send afterwards: what was set, or what it sent before, or undefined. */
  readonly cookie: string | undefined;
  header(name: string): string | undefined;
}

export function world(options: SessionsOptions<Visit> & { readonly store?: SessionStore | undefined } = {}): World {
  const store = options.store ?? memoryStore();
  const clock = (options.clock as FakeClock | undefined) ?? fakeClock();
  const sessions = new Sessions<Visit>({ ...options, store, clock });

  function open({ cookie, headers = {}, secure = true }: RequestOptions = {}): Exchange {
    const all: Record<string, string> = { ...headers, ...(cookie === undefined ? {} : { cookie }) };
    const session = processRequest(sessions, { method: "GET", secure, header: (name) => all[name] }, {}) as Session<Visit>;
    return {
      session,
      async respond(status = 200, { responseHeaders = {}, aborted = false } = {}) {
        const changes = await processResponse(session, { status, aborted, header: (name) => responseHeaders[name] });
        return {
          ...changes,
          session,
          cookie: afterwards(cookie, changes.setCookie),
          header: (name) => changes.set.find(([other]) => other.toLowerCase() === name)?.[1],
        };
      },
    };
  }

  return {
    sessions,
    store,
    clock,
    open,
    async request(request = {}) {
      const { session, respond } = open(request);
      await request.handle?.(session);
      return respond(request.status, request);
    },
  };
}

function afterwards(sent: string | undefined, setCookie: readonly string[]): string | undefined {
  const jar = new Map((sent ?? "").split("; ").flatMap((pair) => (pair === "" ? [] : [split(pair)])));
  for (const text of setCookie) {
    const [name, value] = split(text.slice(0, text.indexOf(";")));
    if (text.includes("Max-Age=0")) jar.delete(name);
    else jar.set(name, value);
  }
  return jar.size === 0 ? undefined : [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
}

function split(pair: string): [string, string] {
  const equals = pair.indexOf("=");
  return [pair.slice(0, equals), pair.slice(equals + 1)];
}

/** Counts the sequential round trips of a store: what is asked at once counts once. */
export function counting(store: SessionStore): { store: SessionStore; reset(): void; trips(): number; verbs(): string[] } {
  let verbs: string[] = [];
  let trips = 0;
  let open = 0;
  const count = <F extends (...args: never[]) => unknown>(name: string, verb: F | undefined, self: unknown) =>
    verb === undefined
      ? undefined
      : ((async (...args: Parameters<F>) => {
          verbs.push(name);
          if (open++ === 0) trips++;
          try {
            // A reply takes a while, so that calls made together are seen as one trip.
            await new Promise((resolve) => setImmediate(resolve));
            return await verb.apply(self, args);
          } finally {
            open--;
          }
        }) as unknown as F);
  const { users } = store;
  const counted = {
    ...store,
    load: count("load", store.load, store)!,
    create: count("create", store.create, store)!,
    save: count("save", store.save, store)!,
    touch: count("touch", store.touch, store)!,
    retire: count("retire", store.retire, store)!,
    rotate: count("rotate", store.rotate, store),
    users: users && {
      ...users,
      epoch: count("epoch", users.epoch, users)!,
      advanceEpoch: count("advanceEpoch", users.advanceEpoch, users)!,
      sessionsOf: count("sessionsOf", users.sessionsOf, users)!,
    },
  } as SessionStore;
  return {
    store: counted,
    reset: () => void ((verbs = []), (trips = 0)),
    trips: () => trips,
    verbs: () => verbs,
  };
}
