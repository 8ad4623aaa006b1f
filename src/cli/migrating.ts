import type { Awaitable, SessionStore, StatelessStore } from "../core/store.ts";

/** What a store can do whose tables have versions: say what is missing, and make it. */
export interface MigratingPart {
  migrate(options?: { readonly dryRun?: boolean }): Awaitable<{ readonly statements: readonly string[] }>;
}

/** That ability of a store, or undefined for one without tables. */
export function migratingPart(store: SessionStore | StatelessStore): MigratingPart | undefined {
  return "migrate" in store && typeof store.migrate === "function" ? (store as typeof store & MigratingPart) : undefined;
}
