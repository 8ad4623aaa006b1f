import { isSessionError } from "../../core/errors.ts";
import type { ResolvedOptions } from "../../core/options.ts";
import type { Awaitable, SessionStore, StatelessStore } from "../../core/store.ts";
import { memoryStore } from "../../stores/memory.ts";
import type { Context } from "../context.ts";
import { detailOf } from "../detail.ts";
import { migratingPart } from "../migrating.ts";
import { presenceOf } from "../peek.ts";
import { checkedOptions, type Choice, openToLook } from "../target.ts";
import { type Finding, finding } from "./findings.ts";

/** What is checked. */
export interface Subject {
  readonly choice: Choice;
  /** The store's URL; undefined for a store that the configuration made itself. */
  readonly url: string | undefined;
  readonly options: ResolvedOptions;
  /** Null when it is not there, or cannot be used. */
  readonly store: SessionStore | StatelessStore | null;
  /** False when the store's tables are missing or of an older release. */
  readonly migrated: boolean;
  readonly cwd: string;
  /** True when NODE_ENV says so. */
  readonly production: boolean;
}

/** One of the doctor's checks: gives what it found, or in words why it could not look. */
export interface Check {
  readonly name: string;
  run(subject: Subject): Awaitable<readonly Finding[] | string>;
}

/** What could be opened, and what that has shown already. `subject` is null when nothing further can be checked. */
export interface Admission {
  readonly subject: Subject | null;
  readonly findings: readonly Finding[];
}

/** Opens what is to be checked, without making anything. */
export async function admit(ctx: Context, choice: Choice): Promise<Admission> {
  const { store, migrated, findings } = await openStore(ctx, choice);
  try {
    // Without the store itself, one that can do everything stands in while the options are checked.
    const options = checkedOptions(choice.configuration, store ?? memoryStore());
    const url = typeof choice.store === "string" ? choice.store : undefined;
    const production = ctx.env["NODE_ENV"] === "production";
    return { subject: { choice, url, options, store, migrated, cwd: ctx.cwd, production }, findings };
  } catch (error) {
    if (!isSessionError(error)) throw error;
    if (store !== null && !("stateless" in store)) await store.close?.();
    return { subject: null, findings: [...findings, finding("configuration-invalid", `${detailOf(error)}.`)] };
  }
}

interface Opening {
  readonly store: SessionStore | StatelessStore | null;
  readonly migrated: boolean;
  readonly findings: readonly Finding[];
}

async function openStore(ctx: Context, { store: chosen }: Choice): Promise<Opening> {
  if (typeof chosen === "string" && presenceOf(chosen, ctx.cwd) === "missing") {
    return { store: null, migrated: false, findings: [finding("store-missing")] };
  }
  try {
    const store = typeof chosen === "string" ? openToLook(ctx, chosen) : chosen;
    const pending = await migratingPart(store)?.migrate({ dryRun: true });
    const isPending = pending !== undefined && pending.statements.length > 0 && !isPrivate(store);
    return { store, migrated: !isPending, findings: isPending ? [finding("table-pending")] : [] };
  } catch (error) {
    if (!isSessionError(error)) throw error;
    return { store: null, migrated: false, findings: [finding("store-unusable", `${detailOf(error)}.`)] };
  }
}

/** True for a store that no other process can see. */
export function isPrivate(store: SessionStore | StatelessStore): boolean {
  return store.reach === "process";
}
