import { handleOf, newSessionId, newVersion } from "../core/id.ts";
import type { SessionStore } from "../core/store.ts";
import { RuleFailure, settle, type Settled } from "./assert.ts";
import type { StoreNeed, StoreRule, StoreRuleContext, StoreStorage, StoreTarget } from "./store-rule.ts";
import { storeRules } from "./store-rules.ts";

/** What became of one rule on one store. */
export interface RuleResult {
  readonly rule: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Why it was skipped or how it failed. */
  readonly reason?: string;
  /** What was thrown, when it failed. */
  readonly error?: unknown;
  readonly milliseconds: number;
}

/** What may be said about a run of the kit. */
export interface StoreKitOptions {
  /** Only the rule of this name, or the rules whose names match. */
  readonly only?: string | RegExp;
  /** How long one rule may take before it counts as failed, in seconds. Default 60. */
  readonly ruleSeconds?: number;
}

const HOUR = 3_600_000;

function missing(need: StoreNeed, store: SessionStore, storage: StoreStorage): string | undefined {
  switch (need) {
    case "durable":
      return store.durable ? undefined : "its sessions do not survive a restart, as it declares";
    case "second handle":
      return store.durable || store.reach !== "process"
        ? undefined
        : "its storage is in one process and has one handle, as it declares";
    case "corrupt":
      return storage.corrupt === undefined ? "the target offers no way to damage a record" : undefined;
    case "compareAndSwap":
      // Within one process its writes are conditional all the same.
      return store.compareAndSwap === false && store.reach !== "process"
        ? "its engine cannot compare and write in one step, so that two processes can overwrite each other, as it declares"
        : undefined;
    case "immediate":
      return (store.staleSeconds ?? 0) === 0
        ? undefined
        : `what another handle wrote may be seen up to ${store.staleSeconds} seconds later, as it declares`;
    default:
      return store[need] === undefined ? `it does not declare the ability ${need}` : undefined;
  }
}

function within<T>(seconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new RuleFailure(`not done after ${seconds} seconds`)), seconds * 1000);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** Runs one rule on new storage of the target. Never rejects because of the store; rejects when the storage cannot be made. */
export async function runStoreRule(
  rule: StoreRule,
  target: StoreTarget,
  options: StoreKitOptions = {},
): Promise<RuleResult> {
  const started = performance.now();
  const storage = await target.storage();
  const opened = new OpenedStores(storage);
  let outcome: Settled<string | void> = await settle(() => tryRule(rule, storage, opened, options));
  const cleanedUp = await settle(async () => {
    await opened.closeAll();
    await storage.remove?.();
  });
  if (outcome.error === undefined && cleanedUp.error !== undefined) outcome = cleanedUp;
  const common = { rule: rule.name, milliseconds: performance.now() - started };
  if (outcome.error === undefined) {
    return outcome.value === undefined
      ? { ...common, outcome: "passed" }
      : { ...common, outcome: "skipped", reason: outcome.value };
  }
  const { error } = outcome;
  return { ...common, outcome: "failed", reason: error instanceof Error ? error.message : String(error), error };
}

class OpenedStores {
  readonly #storage: StoreStorage;
  readonly #open = new Set<SessionStore>();

  constructor(storage: StoreStorage) {
    this.#storage = storage;
  }

  async add(): Promise<SessionStore> {
    const store = await this.#storage.open();
    this.#open.add(store);
    return store;
  }

  async close(store: SessionStore): Promise<void> {
    this.#open.delete(store);
    await store.close?.();
  }

  async closeAll(): Promise<void> {
    for (const store of this.#open) await this.close(store);
  }
}

/** Gives why the rule was skipped, or nothing. */
async function tryRule(
  rule: StoreRule,
  storage: StoreStorage,
  opened: OpenedStores,
  { ruleSeconds = 60 }: StoreKitOptions,
): Promise<string | undefined> {
  const store = await opened.add();
  for (const need of rule.needs ?? []) {
    const reason = missing(need, store, storage);
    if (reason !== undefined) return reason;
  }
  await within(ruleSeconds, rule.run(contextOf(store, storage, opened)));
  return undefined;
}

function contextOf(store: SessionStore, storage: StoreStorage, opened: OpenedStores): StoreRuleContext {
  const now = Date.now();
  return {
    store,
    now,
    reopen: () => opened.add(),
    close: (each) => opened.close(each),
    async restart() {
      await opened.closeAll();
      return opened.add();
    },
    async corrupt(handle) {
      await storage.corrupt?.(handle);
    },
    record: (fields = {}) => ({
      handle: handleOf(newSessionId()),
      data: "{}",
      version: newVersion(),
      createdAt: now,
      expiresAt: now + HOUR,
      userId: null,
      epoch: 0,
      ...fields,
    }),
  };
}

function chosen(rules: readonly StoreRule[], { only }: StoreKitOptions): readonly StoreRule[] {
  if (only === undefined) return rules;
  return rules.filter(({ name }) => (typeof only === "string" ? name === only : only.test(name)));
}

/** Runs rules on a target, one after another, and gives each result as it comes. */
export async function* runStoreKit(
  rules: readonly StoreRule[],
  target: StoreTarget,
  options: StoreKitOptions = {},
): AsyncGenerator<RuleResult, void, undefined> {
  for (const rule of chosen(rules, options)) yield await runStoreRule(rule, target, options);
}

/** As much of a test runner as the kit needs; `node:test`, Vitest and Deno's `node:test` have it. */
export type TestFunction = (name: string, run: (context: { skip(reason?: string): void }) => Promise<void>) => unknown;

/** What may be said to {@link storeKit}: also, which rules. */
export interface StoreKitBinding extends StoreKitOptions {
  /** Default: all of {@link storeRules}. */
  readonly rules?: readonly StoreRule[];
}

/**
 * Registers the kit with a test runner, one test a rule; a rule that the store need not keep is skipped with the reason.
 *
 * ```ts
 * import test from "node:test";
 * storeKit(test, { name: "my store", storage: () => ({ open: () => myStore() }) });
 * ```
 */
export function storeKit(test: TestFunction, target: StoreTarget, options: StoreKitBinding = {}): void {
  for (const rule of chosen(options.rules ?? storeRules, options)) {
    test(`${target.name}: ${rule.name}`, async (context) => {
      const { outcome, reason, error } = await runStoreRule(rule, target, options);
      if (outcome === "failed") throw error;
      if (outcome === "skipped") context.skip(reason);
    });
  }
}
