import type { SessionStore } from "../../src/core/store.ts";

/** A store that answers later. */
export function later(store: SessionStore): SessionStore {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...args: unknown[]) => {
        await new Promise((resolve) => setImmediate(resolve));
        return Reflect.apply(value, target, args) as unknown;
      };
    },
  });
}
