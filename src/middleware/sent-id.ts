import { type ChunkedCookie, readChunked, readCookies } from "../cookie/parse.ts";
import type { SessionFormat } from "../core/format.ts";
import type { SessionId } from "../core/id.ts";
import type { SessionsAccess } from "../core/sessions.ts";
import type { SentCookie } from "../core/stateless.ts";

/** What a request brought along. */
export interface SentId {
  readonly id: SessionId | null;
  readonly sealed: SentCookie | undefined;
  readonly chunks: ChunkedCookie;
  /** The names under which a cookie of ours came, whatever was in it. */
  readonly names: readonly string[];
  /** True when the id came under an older name, and the cookie has to move. */
  readonly moved: boolean;
  /** True when two cookies of one name disagreed. */
  readonly duplicate: boolean;
}

const NO_CHUNKS: ChunkedCookie = { values: [], chunkNames: [], incomplete: false };

/** What a request brought along that has nothing. */
export const NO_ID: SentId = { id: null, sealed: undefined, chunks: NO_CHUNKS, names: [], moved: false, duplicate: false };

/** Reads what a request brought along: the id, of the right shape, or the sealed cookie. */
export function readId(
  { options, names, format, stateless }: SessionsAccess,
  request: { header(name: string): string | undefined },
): SentId {
  if (options.header !== undefined) {
    const text = headerValue(request.header(options.header.name), options.header.scheme);
    return { ...NO_ID, id: format.isId(text) ? text : null };
  }
  const header = request.header("cookie");
  if (header === undefined || header === "") return NO_ID;
  if (stateless || names.length > 1) return readAny(header, names, format, stateless);
  const values = readCookies(header, options.cookieName);
  if (values.length === 0) return NO_ID;
  const [value, ...others] = values;
  const duplicate = others.some((other) => other !== value);
  const id = !duplicate && format.isId(value) ? value : null;
  return { id, sealed: undefined, chunks: NO_CHUNKS, names, moved: false, duplicate };
}

/** Of several names the first that came, or a cookie in parts. */
function readAny(header: string, names: readonly string[], format: SessionFormat, stateless: boolean): SentId {
  const found = names.map((name) => {
    const chunks = stateless ? readChunked(header, name) : { ...NO_CHUNKS, values: readCookies(header, name) };
    return { name, chunks };
  });
  const present = found.filter(
    ({ chunks }) => chunks.values.length > 0 || chunks.incomplete || chunks.chunkNames.length > 0,
  );
  const sentNames = present.flatMap(({ name, chunks }) => [name, ...chunks.chunkNames]);
  const usable = present.find(({ chunks }) => chunks.values.length > 0);
  if (usable === undefined) return { ...NO_ID, names: sentNames };
  const { chunks, name } = usable;
  const [value, ...others] = chunks.values;
  const duplicate = others.some((other) => other !== value);
  const moved = name !== names[0];
  if (duplicate) return { ...NO_ID, chunks, names: sentNames, duplicate, moved };
  if (stateless) {
    const sealed = value === undefined ? undefined : { name, value };
    return { id: null, sealed, chunks, names: sentNames, moved, duplicate };
  }
  return { ...NO_ID, id: format.isId(value) ? value : null, names: sentNames, moved };
}

function headerValue(text: string | undefined, scheme: string | undefined): string | undefined {
  if (text === undefined || scheme === undefined) return text;
  const space = text.indexOf(" ");
  return text.slice(0, space).toLowerCase() === scheme.toLowerCase() ? text.slice(space + 1).trim() : undefined;
}
