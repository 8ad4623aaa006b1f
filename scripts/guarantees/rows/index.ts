import { storeRules } from "../../../src/testing/store-rules.ts";
import type { Guarantee, Section } from "../guarantee.ts";
import { behaviour } from "./behaviour.ts";
import { ended } from "./ended.ts";
import { lost } from "./lost.ts";
import { time } from "./time.ts";
import { users } from "./users.ts";

export const sections: readonly Section[] = [lost, ended, users, time, behaviour];

export const guarantees: readonly Guarantee[] = sections.flatMap((section) => section.guarantees);

/** What keeps the rules of the kit and the guarantees from being one to one; empty when every rule proves exactly one. */
export function faultsOfRows(rows: readonly Guarantee[], rules: readonly string[]): readonly string[] {
  const named = rows.flatMap((row) => row.rules);
  const titles = rows.map(({ title }) => title);
  const twice = (names: readonly string[]) => names.filter((name, index) => names.indexOf(name) !== index);
  return [
    ...rules.filter((rule) => !named.includes(rule)).map((rule) => `the rule "${rule}" proves no guarantee`),
    ...named.filter((rule) => !rules.includes(rule)).map((rule) => `there is no rule "${rule}"`),
    ...twice(named).map((rule) => `the rule "${rule}" proves two guarantees`),
    ...twice(titles).map((title) => `the guarantee "${title}" is there twice`),
    ...rows.filter((row) => row.rules.length === 0).map(({ title }) => `the guarantee "${title}" has no rule`),
  ];
}

/** The names of all rules of the kit. */
export const ruleNames: readonly string[] = storeRules.map(({ name }) => name);
