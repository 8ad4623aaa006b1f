import type { StoreFamily } from "../../test/stores/families/family.ts";
import type { Guarantee } from "./guarantee.ts";
import type { KitResult } from "./run-part.ts";
import { STATELESS_REASON, statelessProofs } from "./stateless.ts";
import { suites } from "./suites.ts";

export type Kept = "yes" | "in part" | "no" | "not needed" | "broken";

/** A test beside the kit. */
export interface TestProof {
  readonly file: string;
  /** A part of its name. */
  readonly test: string;
  /** What the name, or those of the suites around it, have in them. */
  readonly under: string;
}

/** What a store keeps of a guarantee. */
export interface Cell {
  readonly store: string;
  readonly guarantee: string;
  readonly kept: Kept;
  /** What is not kept, and why; empty only where everything is. */
  readonly why: readonly string[];
  /** The rules that passed, by number among those of the guarantee, from 1. */
  readonly rules: readonly number[];
  readonly tests: readonly TestProof[];
}

/** What it means to an application that a store lacks an ability, by the reason that the kit gives. */
const MEANING: Readonly<Record<string, string>> = {
  "it does not declare the ability rotate":
    "a session gets a new id in three steps, and takes everything along all the same",
  "it does not declare the ability users": "`ofUser` and `revokeUser` throw",
  "it does not declare the ability list": "`list` throws",
  "it does not declare the ability clearExpired": "its engine removes by itself what has expired",
};
const UNDAMAGED = "the target offers no way to damage a record";

/** The tests beside the kit that prove a guarantee of a store. */
export function testsOf(family: StoreFamily, { title }: Guarantee): readonly TestProof[] {
  if (family.stateless !== undefined) {
    const proof = statelessProofs.find(({ guarantee }) => guarantee === title);
    return Object.entries(proof?.tests ?? {}).flatMap(([file, names]) => names.map((test) => ({ file, test, under: "" })));
  }
  return suites.flatMap(({ guarantee, file, test, stores }) => {
    const under = stores[family.name];
    return guarantee === title && under !== undefined ? [{ file, test, under }] : [];
  });
}

/** @param failed why a test beside the kit did not pass; undefined when it did */
export function cellOf(
  family: StoreFamily,
  guarantee: Guarantee,
  results: readonly KitResult[],
  failed: (proof: TestProof) => string | undefined,
): Cell {
  const common = { store: family.name, guarantee: guarantee.title };
  const tests = testsOf(family, guarantee);
  const failures = tests.flatMap((proof) => failed(proof) ?? []);
  if (family.stateless !== undefined) {
    const proof = statelessProofs.find((each) => each.guarantee === guarantee.title);
    if (failures.length > 0) return { ...common, kept: "broken", why: failures, rules: [], tests };
    if (proof === undefined) return { ...common, kept: "no", why: [STATELESS_REASON], rules: [], tests };
    return { ...common, kept: proof.kept, why: proof.why === undefined ? [] : [proof.why], rules: [], tests };
  }
  const all = results.filter(({ store, rule }) => store === family.name && guarantee.rules.includes(rule));
  if (all.length === 0) throw new Error(`${family.name} was not asked for “${guarantee.title}”`);
  const broken = all.filter(({ outcome }) => outcome === "failed");
  const passed = all.filter(({ outcome }) => outcome === "passed");
  const missed = all.filter(({ outcome }) => outcome === "skipped");
  const lacking = missed.filter(({ reason }) => reason !== UNDAMAGED);
  const rules = numbersOf(guarantee, passed);
  if (broken.length + failures.length > 0) {
    const kit = broken.map(({ target, rule, reason }) => `${target} breaks “${rule}”: ${reason}`);
    return { ...common, kept: "broken", why: [...kit, ...failures], rules, tests };
  }
  const kept = lacking.length === 0 ? "yes" : passed.length + tests.length === 0 ? "no" : "in part";
  return { ...common, kept, why: reasonsOf(family, guarantee, all, missed), rules, tests };
}

function numbersOf({ rules }: Guarantee, results: readonly KitResult[]): readonly number[] {
  return rules.flatMap((rule, index) => (results.some((each) => each.rule === rule) ? [index + 1] : []));
}

/** What was left out and why, each reason once: on which targets, if not on all, and which rules, if not all. */
function reasonsOf(
  family: StoreFamily,
  guarantee: Guarantee,
  all: readonly KitResult[],
  missed: readonly KitResult[],
): readonly string[] {
  const targets = new Set(all.map(({ target }) => target));
  const alike = new Map<string, { targets: string[]; numbers: readonly number[]; reason: string }>();
  for (const target of targets) {
    const of = missed.filter((each) => each.target === target);
    for (const reason of new Set(of.map((each) => each.reason))) {
      const numbers = numbersOf(
        guarantee,
        of.filter((each) => each.reason === reason),
      );
      const said = reason === UNDAMAGED ? family.undamageable : reason;
      if (said === undefined) throw new Error(`${family.name} does not say why “${guarantee.title}” was left out`);
      const key = JSON.stringify([said, numbers]);
      const known = alike.get(key) ?? { targets: [], numbers, reason: said };
      known.targets.push(target);
      alike.set(key, known);
    }
  }
  return [...alike.values()].map(({ targets: on, numbers, reason }) => {
    const where = on.length === targets.size ? "" : `${on.map((target) => `“${target}”`).join(", ")}: `;
    const which = numbers.length === guarantee.rules.length ? "" : `without ${ruleText(numbers)}: `;
    const meaning = MEANING[reason];
    return `${where}${which}${reason}${meaning === undefined ? "" : `, and ${meaning}`}`;
  });
}

/** `rule 2`, `rules 1, 2 and 5`, `rules 1 to 6 and 8`. */
export function ruleText(numbers: readonly number[]): string {
  const runs: { first: number; last: number }[] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run?.last === number - 1) run.last = number;
    else runs.push({ first: number, last: number });
  }
  const said = runs.flatMap(({ first, last }) => {
    if (last - first > 1) return [`${first} to ${last}`];
    return first === last ? [`${first}`] : [`${first}`, `${last}`];
  });
  const text = said.length === 1 ? said.join("") : `${said.slice(0, -1).join(", ")} and ${said.at(-1)}`;
  return `${numbers.length === 1 ? "rule" : "rules"} ${text}`;
}
