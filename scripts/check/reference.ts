import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { propertiesOf } from "./declarations.ts";
import { codeWords, type Page, parsePage, type Row } from "./markdown.ts";
import type { Step } from "./step.ts";
import { filesOf, textOf } from "./tree.ts";

const ERRORS_PAGE = "docs/reference/errors.md";
const EVENTS_PAGE = "docs/reference/events.md";
const SETTINGS_PAGE = "docs/reference/settings.md";

const DJANGO_SETTINGS = [
  "SESSION_CACHE_ALIAS",
  "SESSION_COOKIE_AGE",
  "SESSION_COOKIE_DOMAIN",
  "SESSION_COOKIE_HTTPONLY",
  "SESSION_COOKIE_NAME",
  "SESSION_COOKIE_PATH",
  "SESSION_COOKIE_SAMESITE",
  "SESSION_COOKIE_SECURE",
  "SESSION_ENGINE",
  "SESSION_EXPIRE_AT_BROWSER_CLOSE",
  "SESSION_FILE_PATH",
  "SESSION_SAVE_EVERY_REQUEST",
  "SESSION_SERIALIZER",
];

/** What the reference pages list against what the sources have, in both directions. */
export const reference: Step = {
  name: "reference",
  title: "errors, events and settings against their reference pages, both ways",
  run: async ({ root }) => [
    ...(await faultsOfErrors(root)),
    ...(await faultsOfEvents(root)),
    ...(await faultsOfSettings(root)),
  ],
};

async function load<T>(root: string, path: string): Promise<T> {
  return (await import(pathToFileURL(join(root, path)).href)) as T;
}

function page(root: string, path: string): Page | undefined {
  return existsSync(join(root, path)) ? parsePage(textOf(root, path)) : undefined;
}

/** Each code has a heading of its own that is followed by its HTTP status; no page speaks of a code that is not there. */
async function faultsOfErrors(root: string): Promise<string[]> {
  const { ERROR_TABLE } = await load<{ ERROR_TABLE: Record<string, { status: number }> }>(root, "src/core/errors.ts");
  const strangers = filesOf(root, (path) => path.endsWith(".md")).flatMap((path) => {
    return textOf(root, path)
      .split("\n")
      .flatMap((line, index) => {
        const codes = line.match(/\bERR_SESSION_[A-Z_]*[A-Z]\b/g) ?? [];
        return codes
          .filter((code) => !Object.hasOwn(ERROR_TABLE, code))
          .map((code) => `${path}:${index + 1}: there is no ${code}`);
      });
  });
  const errors = page(root, ERRORS_PAGE);
  if (errors === undefined) return [...strangers, `${ERRORS_PAGE}: missing`];
  const entries = Object.entries(ERROR_TABLE).flatMap(([code, { status }]) => {
    const heading = errors.headings.findIndex(({ text }) => text.replaceAll("`", "").split(/\s/)[0] === code);
    const start = errors.headings[heading]?.line;
    if (start === undefined) return [`${ERRORS_PAGE}: ${code} has no heading`];
    const section = errors.prose.slice(start - 1, (errors.headings[heading + 1]?.line ?? Infinity) - 1).join("\n");
    return section.includes(String(status))
      ? []
      : [`${ERRORS_PAGE}:${start}: ${code} answers with ${status}, which is not said`];
  });
  return [...strangers, ...entries];
}

/** Each event, and each field that an event may have, has a row; no row has a name that is none. */
async function faultsOfEvents(root: string): Promise<string[]> {
  const source = "src/core/events.ts";
  const { SESSION_EVENTS } = await load<{ SESSION_EVENTS: readonly string[] }>(root, source);
  const events = page(root, EVENTS_PAGE);
  if (events === undefined) return [`${EVENTS_PAGE}: missing`];
  const fields = propertiesOf(root, source, "SessionEvent").map(({ name }) => name);
  return [
    ...againstRows(SESSION_EVENTS, rowsUnder(events, /^(event|channel)s?$/i), EVENTS_PAGE, "event"),
    ...againstRows(fields, rowsUnder(events, /^fields?$/i), EVENTS_PAGE, "field"),
  ];
}

/** What has no row, and what rows there are for nothing. */
function againstRows(names: readonly string[], rows: readonly Row[], path: string, kind: string): string[] {
  const listed = rows.map((row) => ({ name: nameOf(row).replace(/^sojourn:/, ""), line: row.line }));
  return [
    ...names.filter((name) => listed.every((row) => row.name !== name)).map((name) => `${path}: \`${name}\` has no row`),
    ...listed
      .filter(({ name }) => !names.includes(name))
      .map(({ name, line }) => `${path}:${line}: there is no ${kind} \`${name}\``),
  ];
}

/** Each option has a row with its default; no row has an option that is none; Django's settings are all there. */
async function faultsOfSettings(root: string): Promise<string[]> {
  const source = "src/core/options.ts";
  const { DEFAULTS } = await load<{ DEFAULTS: Record<string, string | number | boolean> }>(root, source);
  const options = [
    // A group of options has no row but those of its members.
    ...propertiesOf(root, source, "SessionsOptions").filter(({ name }) => name !== "cookie" && name !== "header"),
    ...propertiesOf(root, source, "CookieOptions").map((each) => ({ ...each, name: `cookie.${each.name}` })),
    ...propertiesOf(root, source, "HeaderOptions").map((each) => ({ ...each, name: `header.${each.name}` })),
  ];
  const commented = options.flatMap(({ name, comment, line }) => {
    const value = DEFAULTS[name];
    return value === undefined || speaksOf(comment, value)
      ? []
      : [`${source}:${line}: the default of \`${name}\` is ${String(value)}`];
  });
  const settings = page(root, SETTINGS_PAGE);
  if (settings === undefined) return [...commented, `${SETTINGS_PAGE}: missing`];
  const rows = rowsUnder(settings, /^(option|setting)s?$/i).filter((row) => !nameOf(row).startsWith("SESSION_"));
  const wrong = rows.flatMap((row) => {
    const value = DEFAULTS[nameOf(row)];
    const right = value === undefined || speaksOf(row.cells.join(" "), value);
    return right ? [] : [`${SETTINGS_PAGE}:${row.line}: the default of \`${nameOf(row)}\` is ${String(value)}`];
  });
  const names = options.map(({ name }) => name);
  const text = textOf(root, SETTINGS_PAGE);
  const django = DJANGO_SETTINGS.filter((name) => !new RegExp(`\\b${name}\\b`).test(text));
  return [
    ...commented,
    ...againstRows(names, rows, SETTINGS_PAGE, "option"),
    ...wrong,
    ...django.map((name) => `${SETTINGS_PAGE}: Django's ${name} is not named`),
  ];
}

/** The rows of those tables whose first column has such a title. */
function rowsUnder({ rows }: Page, title: RegExp): Row[] {
  return rows.filter(({ head }) => title.test(head[0] ?? ""));
}

function nameOf({ cells }: Row): string {
  return codeWords(cells[0] ?? "")[0] ?? cells[0] ?? "";
}

/** True when a text has the value as a word: numbers with or without separators between thousands. */
function speaksOf(text: string, value: string | number | boolean): boolean {
  const plain = typeof value === "number" ? text.replaceAll(/(?<=\d)[ ,_\u00A0\u202F](?=\d{3})/g, "") : text;
  return new RegExp(`(?<![\\w.])${String(value)}(?![\\w]|\\.\\d)`).test(plain);
}
