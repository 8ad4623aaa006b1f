import { posix } from "node:path";
import { parsePage } from "../check/markdown.ts";
import type { StoreFamily } from "../../test/stores/families/family.ts";
import { ruleText, type Cell } from "./cell.ts";
import type { Section } from "./guarantee.ts";
import type { versionsOf } from "./versions.ts";

/** The page that is written, from the repository's folder. */
export const PAGE = "docs/reference/guarantees.md";

const MARKS = { yes: "yes", "in part": "in part", no: "no", "not needed": "not needed", broken: "**BROKEN**" } as const;

/** What a page is made of. */
export interface Report {
  readonly sections: readonly Section[];
  readonly families: readonly StoreFamily[];
  readonly cells: readonly Cell[];
  readonly versions: ReturnType<typeof versionsOf>;
  /** Where a rule is written, from the repository's folder. */
  readonly fileOfRule: (rule: string) => string;
}

/** The page, whole. The same results give the same text. */
export function pageOf(report: Report): string {
  const { sections, families } = report;
  return `${[
    "# Guarantees, store by store",
    "",
    "<!-- Written by `npm run guarantees` from a run on every store. Do not edit. -->",
    "",
    "What each store keeps of what sojourn promises, and what proves it. `npm run guarantees` makes this page by running the",
    "[store kit](../guide/testing.md#the-kits) on every store, with real servers; it writes none while a rule is broken or a server is",
    "missing. The tests beside the kit that are named here run with `npm test`, and with `npm run guarantees -- --tests` before the page",
    "is written. What holds whichever the store is (the cookie, what requests cost, secrets) is in [guarantees](../guarantees.md).",
    "",
    "- **yes**: every rule passed, on every client and arrangement of the store; one that has nothing to apply to is named.",
    "- **in part**: the guarantee's own table says what is left out, and why, as the store declares it.",
    "- **no**: the store declares that it cannot. What needs it throws, or is documented on the store's page.",
    "- **not needed**: there is nothing that it could apply to.",
    "",
    "## All of it",
    "",
    ...matrix(report),
    "",
    ...sections.flatMap((section) => ["", `## ${section.title}`, ...details(section, report)]).slice(1),
    "",
    "## What was run",
    "",
    ...row(["store", "run as"], true),
    ...families.flatMap((family) => row([`[${family.name}](${linkTo(family.page)})`, runAs(family)])),
    "",
    ...versionLines(report),
  ].join("\n")}\n`;
}

function matrix({ sections, families, cells }: Report): readonly string[] {
  return sections.flatMap((section) => [
    ...(section === sections[0] ? row(["guarantee", ...families.map(({ name }) => name), "proved by"], true) : []),
    ...section.guarantees.flatMap(({ title, rules }) => {
      const of = families.map(({ name }) => cells.find(({ store, guarantee }) => store === name && guarantee === title));
      const tests = new Set(of.flatMap((cell) => cell?.tests.map(({ file, test }) => `${file} ${test}`) ?? []));
      const proof = `${count(rules.length, "rule")}${tests.size === 0 ? "" : `, ${count(tests.size, "test")}`}`;
      const marks = of.map((cell) => (cell === undefined ? "not run" : MARKS[cell.kept]));
      return row([`[${escaped(title)}](#${slug(title)})`, ...marks, proof]);
    }),
  ]);
}

function details({ guarantees }: Section, { families, cells, fileOfRule }: Report): readonly string[] {
  return guarantees.flatMap(({ title, rules }) => {
    const files = [...new Set(rules.map(fileOfRule))].map((file) => `[${posix.basename(file)}](${linkTo(file)})`);
    return [
      "",
      `### ${title}`,
      "",
      `Rules of the kit, in ${files.join(", ")}:`,
      "",
      ...rules.map((rule, index) => `${index + 1}. ${escaped(rule)}`),
      "",
      ...row(["store", "kept", "proved by"], true),
      ...families.flatMap(({ name }) => {
        const cell = cells.find(({ store, guarantee }) => store === name && guarantee === title);
        return cell === undefined ? [] : row([name, keptText(cell), proofText(cell, rules.length)]);
      }),
    ];
  });
}

/** What stands in a cell under "kept". */
export function keptText({ kept, why }: Cell): string {
  return why.length === 0 ? MARKS[kept] : `${MARKS[kept]}: ${why.map(escaped).join("; ")}`;
}

/** What stands in a cell under "proved by". */
export function proofText({ kept, rules, tests }: Cell, among: number): string {
  const kit =
    rules.length === 0
      ? []
      : [rules.length < among || among === 1 ? ruleText(rules) : among === 2 ? "both rules" : `all ${among} rules`];
  const beside = tests.map(({ file, test }) => `[${escaped(test)}](${linkTo(file)})`);
  const proofs = [...kit, ...new Set(beside)];
  if (proofs.length > 0) return proofs.join("; ");
  return kept === "no" ? "what the store declares" : "nothing to prove";
}

/** The cells of a written page: the store and the guarantee, and what it says of them. */
export function readPage(text: string): ReadonlyMap<string, { readonly kept: string; readonly proof: string }> {
  const { rows, headings } = parsePage(text);
  return new Map(
    rows
      .filter(({ head }) => head.join() === "store,kept,proved by")
      .map(({ cells: [store = "", kept = "", proof = ""], line }) => {
        const heading = headings.findLast((each) => each.line < line)?.text ?? "";
        return [keyOf(store, heading), { kept, proof }];
      }),
  );
}

export function keyOf(store: string, guarantee: string): string {
  return `${store}: ${guarantee}`;
}

function runAs({ parts }: StoreFamily): string {
  if (parts.length === 0) return "its own tests; the kit is for stores that keep records";
  return parts.map(({ name, targets }) => `${name}: ${targets.map((target) => escaped(target.name)).join(", ")}`).join("; ");
}

function versionLines({ versions: { servers, packages } }: Report): readonly string[] {
  const list = (of: Readonly<Record<string, string>>): string =>
    Object.entries(of)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ");
  return [`On ${list(servers)}.`, "", `With ${list(packages)}.`];
}

function row(cells: readonly string[], isHead = false): readonly string[] {
  const line = `| ${cells.join(" | ")} |`;
  return isHead ? [line, `| ${cells.map(() => "---").join(" | ")} |`] : [line];
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

function linkTo(path: string): string {
  return posix.relative(posix.dirname(PAGE), path);
}

/** As GitHub makes the anchor of a heading. */
function slug(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/g, "-");
}

function escaped(text: string): string {
  return text.replaceAll(/[\\`*_[\]<>|]/g, "\\$&");
}
