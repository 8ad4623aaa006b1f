// npm run guarantees [-- --json] [--store NAME] [--only TEXT]: what each store keeps of the store kit, rule by rule.
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { isStateless } from "../src/core/store.ts";
import { cookieStore } from "../src/stores/cookie.ts";
import { runStoreKit } from "../src/testing/store-kit.ts";
import type { StoreRule } from "../src/testing/store-rule.ts";
import { storeRules } from "../src/testing/store-rules.ts";
import { storeTargets } from "../test/stores/targets.ts";

/** One cell of the table. */
interface Guarantee {
  readonly store: string;
  readonly rule: string;
  readonly outcome: "passed" | "failed" | "skipped";
  readonly reason?: string;
}

/** Stores that keep nothing, and so have no part in the contract of those that do. */
const stateless = (["sealed", "signed"] as const)
  .map((mode) => ({ name: `cookie (${mode})`, store: cookieStore({ keys: randomBytes(32), mode }) }))
  .filter(({ store }) => isStateless(store));
const STATELESS_REASON =
  "it declares itself stateless: the session travels in the cookie, and no two requests share a record";

const MARKS = { passed: "yes", failed: "**NO**", skipped: "–" } as const;

const { values } = parseArgs({
  options: { json: { type: "boolean", default: false }, store: { type: "string" }, only: { type: "string" } },
});

const { store: wanted = "", only = "" } = values;
const rules = storeRules.filter(({ name }) => name.includes(only));
const results: Guarantee[] = [];
for (const target of storeTargets.filter(({ name }) => name.startsWith(wanted))) {
  for await (const { rule, outcome, reason } of runStoreKit(rules, target)) {
    results.push({ store: target.name, rule, outcome, ...(reason === undefined ? {} : { reason }) });
  }
}
for (const { name: store } of stateless.filter(({ name }) => name.startsWith(wanted))) {
  results.push(...rules.map(({ name }) => ({ store, rule: name, outcome: "skipped" as const, reason: STATELESS_REASON })));
}

process.stdout.write(values.json ? `${JSON.stringify(results, null, 2)}\n` : markdown(rules, results));
if (results.some(({ outcome }) => outcome === "failed")) process.exitCode = 1;

function markdown(rows: readonly StoreRule[], cells: readonly Guarantee[]): string {
  const stores = [...new Set(cells.map(({ store }) => store))];
  const find = (store: string, rule: string) => cells.find((cell) => cell.store === store && cell.rule === rule);
  const line = (columns: readonly string[]) => `| ${columns.join(" | ")} |`;
  const count = (store: string, outcome: Guarantee["outcome"]) =>
    cells.filter((cell) => cell.store === store && cell.outcome === outcome).length;
  const notes = cells
    .filter(({ reason }) => reason !== undefined)
    .map(({ store, outcome, rule, reason }) =>
      outcome === "failed" ? `- ${store} breaks “${rule}”: ${reason}` : `- ${store} skips some: ${reason}`,
    );
  const lines = [
    line(["rule", ...stores]),
    line(["---", ...stores.map(() => "---")]),
    ...rows.map(({ name }) =>
      line([name.replaceAll("|", "\\|"), ...stores.map((store) => MARKS[find(store, name)?.outcome ?? "skipped"])]),
    ),
    "",
    ...stores.map(
      (store) =>
        `- ${store}: ${count(store, "passed")} kept, ${count(store, "failed")} broken, ${count(store, "skipped")} skipped`,
    ),
    ...new Set(notes),
  ];
  return `${lines.join("\n")}\n`;
}
