import { text as readAll } from "node:stream/consumers";
import { readChunked } from "../cookie/parse.ts";
import { handleOf, isSessionHandle, isSessionId, type SessionHandle } from "../core/id.ts";
import type { Context } from "./context.ts";
import { CliError } from "./errors.ts";

/** The names under which the session's cookie may be found, the likeliest first. */
export type CookieNames = readonly string[];

/** Reads what the user typed or, for `-`, what comes in. Whatever it is, it is never printed. */
export async function typedText(ctx: Context, positionals: readonly string[], usage: string): Promise<string> {
  const joined = positionals.join(" ").trim();
  if (joined === "") throw new CliError("ERR_CLI_ARGUMENTS", `Which session? ${usage}`);
  const text = joined === "-" ? (await readAll(ctx.input)).trim() : joined;
  if (text === "") throw new CliError("ERR_CLI_ARGUMENTS", "Nothing came in on the standard input");
  keepSecret(ctx, text);
  return text;
}

/** Notes a text, and what it is made of, as not to be printed. */
export function keepSecret(ctx: Context, text: string): void {
  for (const part of [text, ...partsOf(text)]) if (!isSessionHandle(part) && part.length >= 12) ctx.secrets.add(part);
}

/**
 * The handle of the session that a text names: an id, a handle, or a cookie as browsers, curl and HTTP write it.
 *
 * @throws {CliError} ERR_CLI_NOT_A_SESSION, ERR_CLI_AMBIGUOUS
 */
export function handleIn(text: string, names: CookieNames): SessionHandle {
  const handle = nameIn(text, names, toHandle);
  if (handle !== undefined) return handle;
  if (sealedPart(text) !== undefined) {
    throw new CliError("ERR_CLI_NOT_A_SESSION", "That is no id; it looks like a cookie store's value", {
      fix: "Open it with `--store cookie:` and the application's keys in SOJOURN_KEYS.",
    });
  }
  throw new CliError("ERR_CLI_NOT_A_SESSION");
}

/**
 * What in a text names a session: the text itself, the value of a cookie of one of these names, or the only part of it that could.
 *
 * @param toName what a part of the text names, or undefined for one that names nothing
 * @throws {CliError} ERR_CLI_AMBIGUOUS
 */
export function nameIn<N extends string>(
  text: string,
  names: CookieNames,
  toName: (part: string) => N | undefined,
): N | undefined {
  const whole = toName(unquoted(text)) ?? toName(unquoted(percentDecoded(text)));
  if (whole !== undefined) return whole;
  const named = namedValue(text, names);
  const name = named === undefined ? undefined : toName(named);
  if (name !== undefined) return name;
  const candidates = new Set(
    partsOf(text)
      .map(toName)
      .filter((part) => part !== undefined),
  );
  if (candidates.size > 1) throw new CliError("ERR_CLI_AMBIGUOUS");
  return [...candidates][0];
}

/** A cookie store's value in a text, its chunks joined, and the names under which it may have been made. */
export interface SealedValue {
  readonly value: string;
  readonly names: CookieNames;
}

/** Finds a cookie store's value: a value alone, or a cookie as browsers, curl and HTTP write it. */
export function sealedIn(text: string, names: CookieNames): SealedValue {
  const header = headerText(text);
  for (const name of names) {
    const [value] = readChunked(header, name).values;
    if (value !== undefined) return { value: unquoted(percentDecoded(value)), names: [name] };
  }
  const part = sealedPart(text);
  const name = part === undefined ? undefined : nameOf(header, part);
  return { value: part ?? unquoted(percentDecoded(text)), names: name === undefined ? names : [name, ...names] };
}

function sealedPart(text: string): string | undefined {
  return partsOf(text).find((part) => /^(?:~\d+~)?[es]\d{1,3}\.[\w-]{20,}$/.test(part));
}

/** The name in front of a value. */
function nameOf(header: string, value: string): string | undefined {
  const pair = header.split(";").find((one) => one.includes(`=${value}`));
  return pair === undefined ? undefined : pair.slice(0, pair.indexOf("=")).trim();
}

function toHandle(text: string): SessionHandle | undefined {
  if (isSessionId(text)) return handleOf(text);
  return isSessionHandle(text) ? text : undefined;
}

function namedValue(text: string, names: CookieNames): string | undefined {
  const header = headerText(text);
  for (const name of names) {
    const values = new Set(readChunked(header, name).values.map((value) => unquoted(percentDecoded(value))));
    const [value] = values;
    if (values.size > 1) throw new CliError("ERR_CLI_AMBIGUOUS");
    if (value !== undefined) return value;
  }
  return undefined;
}

/** A pasted text as the value of a `Cookie` header: without curl's arrows and the header's name, several lines as one. */
function headerText(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => line.replace(/^\s*[<>]?\s*/, "").replace(/^(?:set-)?cookie:\s*/i, ""))
    .join("; ");
}

/** Everything in a text that could be a value: what stands between blanks, quotes, equals signs and the like. */
function partsOf(text: string): string[] {
  return percentDecoded(text)
    .split(/[\s;,="':<>]+/)
    .filter((part) => part !== "");
}

function unquoted(text: string): string {
  return text.trim().replace(/^(["'])(.*)\1$/s, "$2");
}

function percentDecoded(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
