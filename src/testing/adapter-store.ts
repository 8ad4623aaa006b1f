import type { SessionStore } from "../core/store.ts";

/** A verb of a store that can be watched. */
export type WatchedVerb = "load" | "create" | "save" | "touch" | "retire" | "rotate";

/** A call that is held. */
export interface HeldCall {
  /** Resolves when the call was made. */
  readonly reached: Promise<void>;
  /** Lets the call go on. */
  resume(): void;
}

/** A store that tells of its calls and lets them be held and broken. */
export interface WatchedStore {
  /** What the sessions are given. */
  readonly store: SessionStore;
  /** The verbs called so far, in order. */
  readonly calls: readonly WatchedVerb[];
  /** Holds the next call of `verb` before it reaches the store, and no other. */
  hold(verb: WatchedVerb): HeldCall;
  /** Resolves when the next call of `verb` was answered. */
  answered(verb: WatchedVerb): Promise<void>;
  /** From now on every call of `verb` fails with `error`, before it reaches the store. */
  break(verb: WatchedVerb, error: Error): void;
  /** Ends every `break`. */
  repair(): void;
}

const VERBS: ReadonlySet<PropertyKey> = new Set(["load", "create", "save", "touch", "retire", "rotate"]);

/** Watches the verbs of a store. What it declares stays as it is. */
export function watchStore(inner: SessionStore): WatchedStore {
  const calls: WatchedVerb[] = [];
  const held = new Map<WatchedVerb, Gate[]>();
  const waiting = new Map<WatchedVerb, (() => void)[]>();
  const broken = new Map<WatchedVerb, Error>();

  const call = async (verb: WatchedVerb, args: unknown[]): Promise<unknown> => {
    calls.push(verb);
    await held.get(verb)?.shift()?.pass();
    const error = broken.get(verb);
    if (error) throw error;
    const outcome: unknown = await Reflect.apply(inner[verb] as () => unknown, inner, args);
    waiting.get(verb)?.shift()?.();
    return outcome;
  };

  const store = new Proxy(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (!VERBS.has(name)) return value.bind(target) as unknown;
      return (...args: unknown[]) => call(name as WatchedVerb, args);
    },
  });

  return {
    store,
    calls,
    hold(verb) {
      const gate = newGate();
      held.set(verb, [...(held.get(verb) ?? []), gate]);
      return gate;
    },
    answered: (verb) => new Promise((resolve) => waiting.set(verb, [...(waiting.get(verb) ?? []), resolve])),
    break: (verb, error) => void broken.set(verb, error),
    repair: () => broken.clear(),
  };
}

interface Gate extends HeldCall {
  pass(): Promise<void>;
}

function newGate(): Gate {
  const arrival = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  return {
    reached: arrival.promise,
    resume: release.resolve,
    pass() {
      arrival.resolve();
      return release.promise;
    },
  };
}
