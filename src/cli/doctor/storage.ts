import { isStateless, type SessionStore, type StatelessStore } from "../../core/store.ts";
import { newSessionId, handleOf, newVersion } from "../../core/id.ts";
import { byteSize, span } from "../moments.ts";
import { type Finding, finding } from "./findings.ts";
import { type Check, isPrivate } from "./subject.ts";

const DAY = 86_400;
const SAFE_COOKIE_BYTES = 7168;

/** Whether the kind of store suits the place. */
export const storageCheck: Check = {
  name: "store",
  run({ store, options, production }) {
    if (store === null) return "the store is not open";
    if (isStateless(store)) return statelessFindings(store, options.absoluteSeconds);
    if (isPrivate(store)) return [finding("memory-store", undefined, production ? "error" : "note")];
    return codecFindings(store, options.codec.name);
  },
};

function statelessFindings(store: StatelessStore, absoluteSeconds: number): Finding[] {
  const found = [
    finding(
      "cookie-store-replay",
      `The deadline is up to ${span(absoluteSeconds)} away.`,
      absoluteSeconds > DAY ? "warning" : "note",
    ),
  ];
  if (store.maxCookieBytes > SAFE_COOKIE_BYTES) {
    found.push(finding("cookie-store-size", `They may take ${byteSize(store.maxCookieBytes)}.`));
  }
  if (isSigned(store)) found.push(finding("cookie-store-signed"));
  return found;
}

/** Tells by a value of its own, as only that shows how a store protects. */
function isSigned(store: StatelessStore): boolean {
  const record = {
    handle: handleOf(newSessionId()),
    data: "j1:{}",
    version: newVersion(),
    createdAt: 0,
    expiresAt: 1,
    userId: null,
    epoch: 0,
  };
  return store.name === "cookie" && store.seal(record, "sid").startsWith("s");
}

function codecFindings({ reach }: SessionStore, codec: string): Finding[] {
  const found: Finding[] = [];
  const isMigrating = codec.startsWith("migrating(");
  if (reach === "network" && !isMigrating && isPlain(codec)) found.push(finding("codec-plain", `The codec is ${codec}.`));
  const readers = isMigrating ? topLevel(codec.slice("migrating(".length, -1)) : [];
  if (readers.some(isPlain) && !readers.every(isPlain)) found.push(finding("codec-migrating", `The codec is ${codec}.`));
  return found;
}

/** True for what is known to protect nothing; of a codec that somebody else wrote nothing is known. */
function isPlain(codec: string): boolean {
  return /^(?:compressed\()*(?:json|rich)\)*$/.test(codec);
}

/** The parts of a list between its outermost commas. */
function topLevel(list: string): string[] {
  const parts: string[] = [""];
  let depth = 0;
  for (const mark of list) {
    if (mark === "(") depth++;
    if (mark === ")") depth--;
    if (mark === "," && depth === 0) parts.push("");
    else parts.push((parts.pop() ?? "") + mark);
  }
  return parts.map((part) => part.trim());
}
