// The kit on the targets of one part of a store, in a process of its own: rules listen for events of the whole process, and would hear
// those of other parts. Started by run-kit.ts, which says what to run, and told each result and each thing to say.
import { runStoreRule, type RuleResult } from "../../src/testing/store-kit.ts";
import { storeRules } from "../../src/testing/store-rules.ts";
import type { StorePart } from "../../test/stores/families/family.ts";
import { storeFamilies } from "../../test/stores/families/index.ts";

/** What to run. */
export interface PartOrder {
  readonly store: string;
  readonly part: string;
  readonly rules: readonly string[];
}

/** What became of one rule on one target. */
export interface KitResult {
  readonly store: string;
  readonly target: string;
  readonly rule: string;
  readonly outcome: "passed" | "failed" | "skipped";
  readonly reason?: string;
}

/** What the process tells. */
export type PartMessage = { readonly say: string } | { readonly result: KitResult };

async function runPart({ store, part, rules }: PartOrder, tell: (message: PartMessage) => void): Promise<void> {
  const { targets, leftOut = {}, start, stop } = partOf(store, part);
  await start?.();
  try {
    for (const { name: target, storage } of targets) {
      for (const rule of storeRules.filter(({ name }) => rules.includes(name))) {
        const common = { store, target, rule: rule.name };
        const reason = leftOut[rule.name];
        if (reason !== undefined) {
          tell({ result: { ...common, outcome: "skipped", reason } });
          continue;
        }
        let result = await runStoreRule(rule, { name: target, storage });
        if (isLate(result)) {
          tell({ say: `${target}: “${rule.name}” is asked once more: ${result.reason}` });
          result = await runStoreRule(rule, { name: target, storage });
        }
        const why = result.reason === undefined ? {} : { reason: result.reason };
        tell({ result: { ...common, outcome: result.outcome, ...why } });
      }
    }
  } finally {
    await stop?.();
  }
}

function partOf(store: string, part: string): StorePart {
  const found = storeFamilies.find(({ name }) => name === store)?.parts.find(({ name }) => name === part);
  if (found === undefined) throw new Error(`There is no ${store}, ${part}`);
  return found;
}

/** A rule that ran out of time, which on a machine that is busy with other things says nothing about the store. */
function isLate({ error }: RuleResult): boolean {
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    if (/did not answer in time|^not done after/.test(each.message)) return true;
  }
  return false;
}

if (import.meta.main) {
  // Whoever started it went away: it ends, and the servers with it.
  const left = (): void => void process.kill(process.pid, "SIGTERM");
  process.once("disconnect", left);
  let sent: Promise<void> = Promise.resolve();
  await runPart(JSON.parse(process.argv[2] ?? "") as PartOrder, (message) => {
    sent = new Promise((resolve) => void process.send?.(message, () => resolve()));
  });
  await sent;
  process.off("disconnect", left);
  process.disconnect();
}
