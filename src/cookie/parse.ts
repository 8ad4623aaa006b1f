import { MAX_CHUNKS, chunkCount, chunkIndex, joinChunks } from "./chunk.ts";

const TAB = 0x09;
const SPACE = 0x20;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;

/** The most pairs of one name that are looked at; browsers hold fewer than 200 cookies for a whole site. */
const MAX_PAIRS = 256;

/**
 * Calls `visit` for every pair of the header whose text begins with `prefix`: with the index behind the prefix, and the
 * index where the pair ends. One pass: it looks for the prefix and skips to the end of the pair that holds it, so the time
 * grows with the header's length only.
 */
function eachPairWith(header: string, prefix: string, visit: (from: number, end: number) => void): void {
  let start = 0;
  let pairs = 0;
  while (start < header.length && pairs < MAX_PAIRS) {
    const at = header.indexOf(prefix, start);
    if (at === -1) return;
    const semicolon = header.indexOf(";", at);
    const end = semicolon === -1 ? header.length : semicolon;
    // Whether the prefix opens its pair: only blanks may stand between it and the semicolon before. Anything else, a
    // no-break space included, is part of another name. What lies before `start` was looked at already.
    const before = skipBlanksBack(header, at, start);
    if (before === start || header.charCodeAt(before - 1) === SEMICOLON) {
      pairs++;
      visit(at + prefix.length, skipBlanksBack(header, end, at + prefix.length));
    }
    start = end + 1;
  }
}

/** The index behind the last character of `header` before `end` that is neither space nor tab; at least `start`. */
function skipBlanksBack(header: string, end: number, start: number): number {
  let index = end;
  while (index > start) {
    const code = header.charCodeAt(index - 1);
    if (code !== SPACE && code !== TAB) break;
    index--;
  }
  return index;
}

/**
 * The values of every cookie called exactly `name`, in the header's order, at most 256.
 *
 * Values are raw. Nothing is percent-decoded, and double quotes stay where they are: RFC 6265 (5.2, and the note in 5.4 of
 * its revision) makes them part of the value, and a value that sojourn wrote has none. Only space and tab are dropped, and
 * only around a pair: a name with any other byte in front (a no-break space, a byte order mark) is another name, however a
 * trimming parser would read it. A pair without a name is no cookie.
 *
 * @param header the request's `Cookie` header; several lines joined by `; `
 */
export function readCookies(header: string | undefined, name: string): string[] {
  const values: string[] = [];
  if (header === undefined || name === "") return values;
  eachPairWith(header, `${name}=`, (from, end) => values.push(header.slice(from, end)));
  return values;
}

const NONE: readonly never[] = [];

/** What a request holds of a cookie that may be split. */
export class ChunkedCookie {
  /**
   * The complete values: one for each cookie of the name, chunks joined, at most 20. More than one means that the name was
   * set twice, for different paths or domains.
   */
  readonly values: readonly string[];
  /** The names of the further chunks (`name.1` …) in the request, whether they belong to a value or not. */
  readonly chunkNames: readonly string[];
  /** True when a cookie of the name was there whose further chunks are not: some were dropped or are given twice. */
  readonly incomplete: boolean;

  constructor(values: readonly string[], chunkNames: readonly string[] = NONE, incomplete = false) {
    this.values = values;
    this.chunkNames = chunkNames;
    this.incomplete = incomplete;
  }
}

const NO_COOKIE = /* @__PURE__ */ new ChunkedCookie(NONE);

/**
 * The values of a cookie written by `splitCookie`: whole, or joined from `name`, `name.1` …
 *
 * The first chunk says how many there are, so that chunks left over from an earlier value are never read. A chunk that is
 * missing, or there twice with different values, makes the value incomplete; a mixture of two values is joined, and is for
 * the signature or the seal to refuse.
 */
export function readChunked(header: string | undefined, name: string): ChunkedCookie {
  if (header === undefined || name === "") return NO_COOKIE;
  const first: string[] = Array.of();
  let rest: Map<number, string | null> | undefined;
  eachPairWith(header, name, (from, end) => {
    if (header.charCodeAt(from) === EQUALS && from < end) {
      // More than a few are refused as ambiguous anyway; without a bound a hostile header could have each of them joined.
      if (first.length < MAX_CHUNKS) first.push(header.slice(from + 1, end));
      return;
    }
    const equals = chunkIndexEnd(header, from, end);
    const index = equals === -1 ? undefined : chunkIndex(header.slice(from, equals));
    if (index === undefined) return;
    const value = header.slice(equals + 1, end);
    rest ??= new Map();
    rest.set(index, rest.has(index) && rest.get(index) !== value ? null : value);
  });
  return joined(name, first, rest);
}

function joined(
  name: string,
  first: readonly string[],
  rest: ReadonlyMap<number, string | null> | undefined,
): ChunkedCookie {
  const isWhole = rest === undefined && first.every((head) => chunkCount(head) === undefined);
  if (isWhole) return first.length === 0 ? NO_COOKIE : new ChunkedCookie(first);
  const all = first.map((head) =>
    chunkCount(head) === undefined ? head : joinChunks(head, (index) => rest?.get(index) ?? undefined),
  );
  const values = all.filter((value) => value !== undefined);
  const chunkNames = Array.from(rest?.keys() ?? NONE, (index) => `${name}.${index}`);
  return new ChunkedCookie(values, chunkNames, values.length < all.length);
}

/** The index of the equals sign behind a chunk's number, or -1; looks no further than such a number can be long. */
function chunkIndexEnd(header: string, from: number, end: number): number {
  const limit = Math.min(end, from + 2 + String(MAX_CHUNKS).length);
  for (let index = from; index < limit; index++) if (header.charCodeAt(index) === EQUALS) return index;
  return -1;
}
