import { Sessions } from "../core/sessions.ts";
import { Visitor } from "./adapter-client.ts";
import type { AdapterRule, AdapterRuleContext, AdapterTarget, KitData, StoreMaker } from "./adapter-rule.ts";
import { adapterRules } from "./adapter-rules.ts";
import { watchStore } from "./adapter-store.ts";
import { fail, RuleFailure } from "./assert.ts";
import type { RuleResult, TestFunction } from "./store-kit.ts";

/** What a run of the adapter kit needs to know. */
export interface AdapterKitOptions {
  /** An empty store for each rule: `() => memoryStore()`. */
  readonly store: StoreMaker;
  /** Default: all of {@link adapterRules}. */
  readonly rules?: readonly AdapterRule[];
  /** Only the rule of this name, or the rules whose names match. */
  readonly only?: string | RegExp;
  /** How long one rule may take before it counts as failed, in seconds. Default 60. */
  readonly ruleSeconds?: number;
}

/**
 * Runs one rule on servers of its own, over HTTP. Never rejects because of the rule. A rejection that nobody handled and an exception
 * that nobody caught, anywhere in the process while the rule runs, break it too.
 */
export async function runAdapterRule(
  rule: AdapterRule,
  target: AdapterTarget,
  options: AdapterKitOptions,
): Promise<RuleResult> {
  const started = performance.now();
  const result = (outcome: RuleResult["outcome"], more: Partial<RuleResult> = {}): RuleResult => {
    return { rule: rule.name, outcome, ...more, milliseconds: performance.now() - started };
  };
  const lacking = rule.needs?.find((need) => !target.has.includes(need));
  if (lacking !== undefined) return result("skipped", { reason: `it does not declare \`${lacking}\`` });
  const ground = await newGround(target, options.store);
  const strays = catchStrays();
  try {
    await within(options.ruleSeconds ?? 60, rule.run(ground.context));
    await ground.clear();
    strays.check();
    return result("passed");
  } catch (error) {
    return result("failed", { reason: error instanceof Error ? error.message : String(error), error });
  } finally {
    await ground.clear();
    strays.end();
  }
}

/** Runs the kit on a target, rule after rule, and gives each result as it comes. */
export async function* runAdapterKit(
  target: AdapterTarget,
  options: AdapterKitOptions,
): AsyncGenerator<RuleResult, void, undefined> {
  for (const rule of chosen(options)) yield await runAdapterRule(rule, target, options);
}

/**
 * Registers the kit with a test runner, one test a rule; a rule that the adapter need not keep is skipped with the reason.
 *
 * A target is one function, {@link AdapterTarget.mount}: it starts the framework on a free port with the adapter mounted, and
 * translates. For each route it makes a {@link KitCall} of what its framework hands to handlers, and answers the
 * {@link KitReply} in the framework's own way, so that redirects, streams and errors take the paths which they take in an
 * application.
 *
 * ```ts
 * import test from "node:test";
 *
 * const target: AdapterTarget = {
 *   name: "my framework",
 *   has: [],
 *   async mount(routes, sessions, mounted) {
 *     const app = myFramework();
 *     for (let times = { never: 0, once: 1, twice: 2 }[mounted]; times > 0; times--) app.use(mySession(sessions));
 *     for (const { path, answer } of routes) {
 *       app.all(path, async (context) => {
 *         const gone = new Promise<void>((resolve) => context.onAbort(resolve));
 *         const reply = await answer({ session: () => sessions.of(context), property: context.session, gone });
 *         if (reply === "answered") return;
 *         if ("redirect" in reply) return context.redirect(reply.redirect);
 *         return context.respond(reply.status ?? 200, reply.headers ?? [], reply.body);
 *       });
 *     }
 *     const server = await app.listen(0, "127.0.0.1");
 *     return { port: server.port, close: () => server.close() };
 *   },
 * };
 * adapterKit(test, target, { store: () => memoryStore() });
 * ```
 */
export function adapterKit(test: TestFunction, target: AdapterTarget, options: AdapterKitOptions): void {
  for (const rule of chosen(options)) {
    test(`${target.name}: ${rule.name}`, async (context) => {
      const { outcome, reason, error } = await runAdapterRule(rule, target, options);
      if (outcome === "failed") throw error;
      if (outcome === "skipped") context.skip(reason);
    });
  }
}

function chosen({ rules = adapterRules, only }: AdapterKitOptions): readonly AdapterRule[] {
  if (only === undefined) return rules;
  return rules.filter(({ name }) => (typeof only === "string" ? name === only : only.test(name)));
}

async function newGround(
  target: AdapterTarget,
  makeStore: StoreMaker,
): Promise<{ context: AdapterRuleContext; clear(): Promise<void> }> {
  const store = watchStore(await makeStore());
  const closing: (() => unknown)[] = [() => store.store.close?.()];
  const context: AdapterRuleContext = {
    store,
    async start(routes, { options = {}, mounted = "once" } = {}) {
      // A rule that breaks the store wants to meet it broken each time.
      const sessions = new Sessions<KitData>({ breakerFailures: 0, ...options, store: store.store });
      const server = await target.mount(routes, sessions, mounted);
      closing.push(() => server.close());
      return { port: server.port, sessions, visitor: (cookies) => new Visitor(server.port, cookies) };
    },
  };
  return {
    context,
    async clear() {
      for (let close = closing.pop(); close; close = closing.pop()) await close();
    },
  };
}

function catchStrays(): { check(): void; end(): void } {
  const strays: unknown[] = [];
  const note = (error: unknown): void => void strays.push(error);
  process.on("unhandledRejection", note);
  process.on("uncaughtExceptionMonitor", note);
  return {
    check() {
      if (strays.length > 0) fail(`an error reached nobody: ${String(strays[0])}`);
    },
    end() {
      process.off("unhandledRejection", note);
      process.off("uncaughtExceptionMonitor", note);
    },
  };
}

function within<T>(seconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new RuleFailure(`not done after ${seconds} seconds`)), seconds * 1000);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
