import type { SqlValue, Statement } from "./driver.ts";
import type { TableNames } from "./names.ts";
import { COLUMNS } from "./statements.ts";

/** What the statements bind, by name. Times are milliseconds. */
export interface Bindings {
  readonly handle?: string;
  /** For a rotation: the handle that goes. */
  readonly old?: string;
  readonly data?: string;
  readonly version?: string;
  /** The version that must still be there. */
  readonly expected?: string;
  readonly created?: number;
  readonly expires?: number;
  readonly user?: string | null;
  readonly epoch?: number;
  /** A tombstone: its successor or nothing, token, reason and end. */
  readonly successor?: string;
  readonly token?: string;
  readonly reason?: string;
  readonly until?: number;
  readonly after?: string;
  readonly before?: number;
  readonly limit?: bigint;
  readonly least?: number;
}

/** The verbs' statements, by what they do. */
export type StatementName =
  | "load"
  | "has"
  | "create"
  | "save"
  | "touch"
  | "retire"
  | "retireVersion"
  | "extend"
  | "rotate"
  | "list"
  | "sessionsOf"
  | "epoch"
  | "advanceEpoch"
  | "postpone"
  | "sweep";

/** A statement with `:name` where a value is bound, and `{sessions}`, `{users}` where a table's name belongs. */
export type Texts = Readonly<Record<StatementName, string>>;

/** A statement, and which values it binds in which order. */
export interface Compiled {
  readonly statement: Statement;
  readonly order: readonly (keyof Bindings)[];
}

/** The values of `bindings` in the order that the statement binds them. */
export function valuesOf({ statement, order }: Compiled, bindings: Bindings): SqlValue[] {
  return order.map((name) => {
    const value = bindings[name];
    if (value === undefined) throw new TypeError(`The statement ${statement.name} needs ${name}`);
    return value;
  });
}

/** Writes the placeholder of a value, and notes the value in `order` if it is bound anew. */
export type Place = (binding: keyof Bindings, order: (keyof Bindings)[]) => string;

/** `?` for each place where a value stands. */
export const questionMark: Place = (binding, order) => {
  order.push(binding);
  return "?";
};

/** Puts table names and placeholders into a statement, in one pass, so that nothing in a table's name is taken for either. */
function compile(name: string, text: string, names: TableNames, place: Place, columns: readonly string[] = []): Compiled {
  const order: (keyof Bindings)[] = [];
  const whole = text.replaceAll(
    /\{([a-zA-Z]+)\}|(?<!:):([a-z]+)/g,
    (_match, table: string | undefined, binding: string | undefined) =>
      table === undefined ? place(binding as keyof Bindings, order) : names[table as keyof TableNames],
  );
  return { statement: { name: `sojourn_${name}_${checksum(whole)}`, text: whole, columns }, order };
}

/** A statement that binds nothing. */
export function plain(name: string, text: string, names: TableNames, columns: readonly string[]): Statement {
  return compile(name, text, names, () => "", columns).statement;
}

/**
 * Every statement for one table of sessions.
 *
 * @param given the columns that a write gives for each row that it changed; none where the drivers count them
 */
export function compileAll(
  texts: Texts,
  names: TableNames,
  place: Place,
  given: readonly string[] = [],
): Readonly<Record<StatementName, Compiled>> {
  const all = Object.entries(texts) as [StatementName, string][];
  const compiled = all.map(([name, text]) => [name, compile(name, text, names, place, COLUMNS[name] ?? given)] as const);
  return Object.fromEntries(compiled) as Record<StatementName, Compiled>;
}

/** A short name for a text; two tables' statements on one connection must not share theirs. */
function checksum(text: string): string {
  let high = 0x811c9dc5;
  let low = 0x1b873593;
  for (let index = 0; index < text.length; index++) {
    high = Math.imul(high ^ text.charCodeAt(index), 0x01000193);
    low = Math.imul(low ^ text.charCodeAt(index), 0x5bd1e995);
  }
  return (high >>> 0).toString(36) + (low >>> 0).toString(36);
}
