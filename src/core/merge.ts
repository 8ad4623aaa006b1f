import { SessionError } from "./errors.ts";
import { deepCopy, getOwn, isPlainObject, type PlainObject, sameValue, setOwn } from "./plain.ts";

/** The three values of one key that two requests changed: what both started from, and what each made of it. */
export interface MergeSides<V> {
  /** The value both requests read; undefined when the key was absent. */
  readonly base: V | undefined;
  /** The value that is stored now. */
  readonly theirs: V | undefined;
  /** The value this request wants to store. */
  readonly ours: V | undefined;
}

/** How a key that both sides changed is merged. Gives the value to store; undefined removes the key. May throw to refuse. */
export type MergeRule<V> = (sides: MergeSides<V>) => V | undefined;

/** Adds both sides' differences: for counters. An absent number counts as 0. */
export const sum: MergeRule<number> = ({ base, theirs, ours }) =>
  amount(theirs, "sum") + amount(ours, "sum") - amount(base, "sum");

/** Keeps the larger number, or the later text. An absent value loses. */
export function max<V extends number | string>({ theirs, ours }: MergeSides<V>): V | undefined {
  return extreme(theirs, ours, 1);
}

/** Keeps the smaller number, or the earlier text. An absent value loses. */
export function min<V extends number | string>({ theirs, ours }: MergeSides<V>): V | undefined {
  return extreme(theirs, ours, -1);
}

/** Merges arrays as sets: what either side added is in, what either side removed is out. */
export function union<V extends readonly unknown[]>({ base, theirs, ours }: MergeSides<V>): V {
  const [before, stored, wanted] = [listOf(base), listOf(theirs), listOf(ours)] as const;
  const has = (list: readonly unknown[], item: unknown) => list.some((other) => sameValue(other, item));
  const kept = stored.filter((item) => has(wanted, item) || !has(before, item));
  const added = wanted.filter((item) => !has(before, item) && !has(kept, item));
  return [...kept, ...added] as unknown as V;
}

/** Refuses: the request whose key was changed meanwhile fails with `ERR_SESSION_CONFLICT`, and nothing is stored. */
export function reject(): never {
  throw new SessionError("ERR_SESSION_CONFLICT");
}

function listOf(value: readonly unknown[] | undefined): readonly unknown[] {
  // What is stored may be of another shape than the types say.
  const list: unknown = value ?? [];
  if (!Array.isArray(list)) throw misfit("union", "arrays");
  return list;
}

function amount(value: number | undefined, rule: string): number {
  if (value === undefined) return 0;
  if (typeof value !== "number") throw misfit(rule, "numbers");
  return value;
}

function extreme<V extends number | string>(a: V | undefined, b: V | undefined, sign: 1 | -1): V | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  if (typeof a !== typeof b) throw misfit(sign === 1 ? "max" : "min", "two numbers or two texts");
  return (a < b ? -1 : 1) === sign ? a : b;
}

function misfit(rule: string, wanted: string): SessionError {
  return new SessionError("ERR_SESSION_CONFLICT", `The merge \`${rule}\` needs ${wanted} and met something else`);
}

/** The merges of one application, by key. */
export interface MergeRules {
  readonly rules: Readonly<Record<string, MergeRule<never>>>;
  /** Groups of keys that must come from one side. */
  readonly together: readonly (readonly string[])[];
}

/** What a merge made. */
export interface Merged {
  readonly data: PlainObject;
  /** Keys in which both sides had changed something and no declared rule decided: the last writer won. */
  readonly overwritten: number;
  /** Keys that only the other side, or both sides, had changed. */
  readonly merged: number;
}

/**
 * Three-way merge, key by key and recursively through plain objects. What only one side changed survives; what both changed
 * follows its rule, or else the last writer, which is `ours`.
 *
 * @param cleared true when this request emptied the session: keys that the other side added meanwhile go too
 */
export function mergeData(
  base: PlainObject,
  theirs: PlainObject,
  ours: PlainObject,
  { rules, together }: MergeRules,
  cleared = false,
): Merged {
  if (cleared) return { data: structuredCopy(ours), overwritten: 0, merged: 0 };
  const count = { overwritten: 0, merged: 0 };
  const fromOurs = groupsWonByOurs(base, theirs, ours, together, count);
  const data: PlainObject = {};
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
    const sides = { base: getOwn(base, key), theirs: getOwn(theirs, key), ours: getOwn(ours, key) };
    const value = fromOurs.has(key)
      ? sides.ours
      : mergeKey(sides, getOwn(rules, key) as MergeRule<unknown> | undefined, count);
    if (value !== undefined) setOwn(data, key, value);
  }
  return { data, ...count };
}

interface Count {
  overwritten: number;
  merged: number;
}

function mergeKey(sides: MergeSides<unknown>, rule: MergeRule<unknown> | undefined, count: Count): unknown {
  const { base, theirs, ours } = sides;
  if (sameValue(base, theirs)) return ours;
  count.merged++;
  if (sameValue(base, ours) || (rule === undefined && sameValue(theirs, ours))) return theirs;
  if (rule !== undefined) return rule(sides);
  if (isPlainObject(theirs) && isPlainObject(ours) && (base === undefined || isPlainObject(base))) {
    return mergeNested(base ?? {}, theirs, ours, count);
  }
  count.overwritten++;
  return ours;
}

function mergeNested(base: PlainObject, theirs: PlainObject, ours: PlainObject, count: Count): PlainObject {
  const data: PlainObject = {};
  const inner = { overwritten: 0, merged: 0 };
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
    const value = mergeKey(
      { base: getOwn(base, key), theirs: getOwn(theirs, key), ours: getOwn(ours, key) },
      undefined,
      inner,
    );
    if (value !== undefined) setOwn(data, key, value);
  }
  // The event counts the session's own keys, however deep the difference lies.
  if (inner.overwritten > 0) count.overwritten++;
  return data;
}

function groupsWonByOurs(
  base: PlainObject,
  theirs: PlainObject,
  ours: PlainObject,
  together: readonly (readonly string[])[],
  count: Count,
): ReadonlySet<string> {
  const won = new Set<string>();
  for (const group of together) {
    const changedBy = (side: PlainObject) => group.some((key) => !sameValue(getOwn(base, key), getOwn(side, key)));
    if (!changedBy(theirs) || !changedBy(ours)) continue;
    if (group.every((key) => sameValue(getOwn(theirs, key), getOwn(ours, key)))) continue;
    for (const key of group) won.add(key);
    count.merged += group.length;
    count.overwritten += group.filter((key) => !sameValue(getOwn(theirs, key), getOwn(ours, key))).length;
  }
  return won;
}

function structuredCopy(data: PlainObject): PlainObject {
  const copy: PlainObject = {};
  for (const key of Object.keys(data)) setOwn(copy, key, data[key]);
  return copy;
}

/** Merges what a handler changed while its session was being stored. What is stored is stored: a rule that refuses loses here. */
export function mergeLate(before: PlainObject, stored: PlainObject, now: PlainObject, rules: MergeRules): PlainObject {
  try {
    return mergeData(before, stored, deepCopy(now), rules).data;
  } catch {
    return mergeData(before, stored, deepCopy(now), { rules: {}, together: [] }).data;
  }
}
