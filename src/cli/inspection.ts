import { ERROR_TABLE } from "../core/errors.ts";
import type { Notes } from "../core/payload.ts";
import { type PlainObject, setOwn } from "../core/plain.ts";
import type { SessionRecord } from "../core/record.ts";
import { escapeText } from "./escape.ts";
import { byteSize, counted, iso, relative, span, utc } from "./moments.ts";
import type { Output } from "./output.ts";
import { renderValue } from "./render.ts";
import type { Opened } from "./sealed.ts";
import { shapeOf } from "./shape.ts";
import type { StoredContent } from "./stored.ts";
import type { Style } from "./style.ts";

/** What was found, and how it is wanted. */
export interface Inspection extends Opened {
  /** What to call the store. */
  readonly store: string;
  readonly redact: boolean;
  /** Only these keys of the data. */
  readonly keys: readonly string[] | undefined;
}

type State = Inspection["stored"]["state"];

/** What each state means, in a sentence. */
const MEANING: Readonly<Record<State, string>> = {
  live: "",
  expired: "Its time is over; a visitor who brings its cookie gets a new session.",
  revoked: "Its user's sessions were revoked; its cookie opens nothing any more.",
  ended: "It was ended, by a logout, a flush or a revocation, moments ago.",
  rotated: "It goes on under another id, as after a login; this one opens nothing any more.",
  missing: "There is none: it never was, is long over, or belongs to another store.",
  unreadable: "It is there, and cannot be read",
  tampered: "It is a cookie of this store that was changed, or made for another name: `--cookie-name` says which.",
};

/** An inspection as JSON. */
export function inspectionJson({ handle, stored, store, redact, keys }: Inspection): PlainObject {
  const head = { handle, state: stored.state, store, redacted: redact };
  const { record, content } = partsOf(stored);
  return {
    ...head,
    ...(stored.state === "unreadable" ? { reason: stored.reason } : {}),
    ...(record === undefined ? {} : recordJson(record, redact)),
    ...(content === undefined ? {} : { notes: notesJson(content.notes), data: chosen(content.data, redact, keys) }),
  };
}

function partsOf(stored: Inspection["stored"]): { readonly record?: SessionRecord; readonly content?: StoredContent } {
  return "record" in stored ? stored : {};
}

/** A record's own fields as JSON. */
function recordJson(record: SessionRecord, redact: boolean): PlainObject {
  return {
    userId: redact && record.userId !== null ? "[redacted]" : record.userId,
    createdAt: iso(record.createdAt),
    expiresAt: iso(record.expiresAt),
    version: record.version,
    bytes: Buffer.byteLength(record.data),
  };
}

function notesJson({ expiry, flash, testCookie, credential }: Notes): PlainObject {
  return {
    flash: Object.keys(flash ?? {}).length,
    ...(expiry === undefined ? {} : { expiry: typeof expiry === "number" ? { seconds: expiry } : { at: iso(expiry.at) } }),
    ...(testCookie === true ? { testCookie } : {}),
    ...(credential === undefined ? {} : { boundToCredential: true }),
  };
}

function chosen(data: PlainObject, redact: boolean, keys: readonly string[] | undefined): unknown {
  const picked: PlainObject = {};
  for (const [key, value] of Object.entries(data)) if (keys?.includes(key) !== false) setOwn(picked, key, value);
  return redact ? shapeOf(picked) : picked;
}

/** Prints an inspection for a person. */
export async function printInspection(out: Output, inspection: Inspection, now: number): Promise<void> {
  const { handle, stored, redact, keys } = inspection;
  const { style } = out;
  const rows: [string, string][] = [["state", stateText(inspection, style)]];
  const { record, content } = partsOf(stored);
  if (record !== undefined) rows.push(...recordRows(record, redact, now, style));
  if (content !== undefined) rows.push(...notesRows(content.notes));
  rows.push(["store", escapeText(inspection.store)]);
  if (stored.state === "unreadable") rows.push(["fix", ERROR_TABLE.ERR_SESSION_UNREADABLE.fix]);
  await out.line(`${style.bold("Session")}  ${handle ?? style.dim("in a cookie that was not opened")}\n`);
  for (const [name, text] of rows) await out.line(`  ${style.dim(name.padEnd(8))} ${text}`);
  if (content === undefined) return;
  const data = renderValue(chosen(content.data, redact, keys), style);
  await out.line(`\n${style.bold("Data")}${redact ? style.dim("  values hidden") : ""}\n${data}`);
}

function stateText({ stored }: Inspection, style: Style): string {
  const { state } = stored;
  if (state === "live") return style.green(state);
  const name = state === "unreadable" || state === "tampered" ? style.red(state) : style.yellow(state);
  return `${name}  ${MEANING[state]}${state === "unreadable" ? ` (${stored.reason})` : ""}`;
}

function recordRows(record: SessionRecord, redact: boolean, now: number, style: Style): [string, string][] {
  const { userId, createdAt, expiresAt, data } = record;
  const user = userId === null ? style.dim("none") : redact ? style.dim("hidden") : escapeText(userId);
  const moment = (at: number): string =>
    Number.isNaN(at) ? style.dim("unknown") : `${utc(at)}  ${style.dim(relative(at, now))}`;
  return [
    ["user", user],
    ["created", moment(createdAt)],
    ["expires", moment(expiresAt)],
    ["size", byteSize(Buffer.byteLength(data))],
  ];
}

function notesRows({ expiry, flash, testCookie, credential }: Notes): [string, string][] {
  const notes: string[] = [];
  if (typeof expiry === "number")
    notes.push(expiry === 0 ? "ends with the browser" : `expires after ${span(expiry)} of idleness`);
  if (typeof expiry === "object") notes.push(`expires at ${utc(expiry.at)}`);
  if (flash !== undefined) notes.push(`${counted(Object.keys(flash).length, "flash message")} waiting`);
  if (testCookie === true) notes.push("test cookie set");
  if (credential !== undefined) notes.push("bound to the user's credential");
  return notes.length === 0 ? [] : [["notes", notes.join("; ")]];
}
