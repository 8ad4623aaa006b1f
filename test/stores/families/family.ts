import type { SessionStore, StatelessStore } from "../../../src/core/store.ts";
import type { StoreTarget } from "../../../src/testing/store-rule.ts";
import type { ServerName } from "../../servers/programs.ts";

/** Targets of the kit that share what has to be started for them. */
export interface StorePart {
  /** As a suite is called. */
  readonly name: string;
  /** The servers that have to be installed. */
  readonly needs: readonly ServerName[];
  readonly targets: readonly StoreTarget[];
  /** Rules that these targets cannot be asked to keep: the name, and why, as a sentence about the store. */
  readonly leftOut?: Readonly<Record<string, string>>;
  /** Starts the servers. Before it, the targets give no storage. */
  start?(): Promise<void>;
  stop?(): Promise<void>;
}

/** A store as users know it: one column of the table of guarantees. */
export interface StoreFamily {
  /** The column's head. */
  readonly name: string;
  /** Its page, from the repository's folder. */
  readonly page: string;
  /** Packages whose versions are told with the results: clients, and what else the store stands on. */
  readonly packages?: readonly string[];
  readonly parts: readonly StorePart[];
  /** In place of parts: a store that keeps nothing, which the kit cannot be run on. */
  readonly stateless?: () => SessionStore | StatelessStore;
  /** Why its records cannot be damaged, where its targets offer no way to do it. */
  readonly undamageable?: string;
}

/** A part on something that is started for it: the targets ask for it when they give storage. */
export function served<S extends { stop(): Promise<unknown> }>(
  name: string,
  needs: readonly ServerName[],
  start: () => Promise<S>,
  targets: (server: () => S) => readonly StoreTarget[],
  leftOut: Readonly<Record<string, string>> = {},
): StorePart {
  let server: S | undefined;
  const running = (): S => {
    if (server === undefined) throw new Error(`What ${name} needs was not started`);
    return server;
  };
  return {
    name,
    needs,
    targets: targets(running),
    leftOut,
    async start() {
      server = await start();
    },
    async stop() {
      await server?.stop();
      server = undefined;
    },
  };
}
