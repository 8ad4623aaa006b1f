import { ChunkedCookie, readChunked, readCookies } from "../cookie/parse.ts";
import type { SessionFormat } from "../core/format.ts";
import type { SessionId } from "../core/id.ts";
import type { SessionsAccess } from "../core/sessions.ts";
import { SentCookie } from "../core/stateless.ts";

const NO_CHUNKS = /* @__PURE__ */ new ChunkedCookie([]);
const NOTHING_MORE = {};
const TWICE = { duplicate: true };

/** What a request brought along. */
export class SentId {
  readonly id: SessionId | null;
  readonly sealed: SentCookie | undefined;
  readonly chunks: ChunkedCookie;
  /** The names under which a cookie of ours came, whatever was in it. */
  readonly names: readonly string[];
  /** True when the id came under an older name, and the cookie has to move. */
  readonly moved: boolean;
  /** True when two cookies of one name disagreed. */
  readonly duplicate: boolean;

  constructor(
    names: readonly string[],
    id: SessionId | null = null,
    { sealed, chunks = NO_CHUNKS, moved = false, duplicate = false }: Partial<Omit<SentId, "names" | "id">> = NOTHING_MORE,
  ) {
    this.id = id;
    this.sealed = sealed;
    this.chunks = chunks;
    this.names = names;
    this.moved = moved;
    this.duplicate = duplicate;
  }
}

/** What a request brought along that has nothing. */
export const NO_ID = /* @__PURE__ */ new SentId([]);

/** Reads what a request brought along: the id, of the right shape, or the sealed cookie. */
export function readId(
  { options, names, format, stateless }: SessionsAccess,
  request: { header(name: string): string | undefined },
): SentId {
  if (options.header !== undefined) {
    const text = headerValue(request.header(options.header.name), options.header.scheme);
    return new SentId([], format.isId(text) ? text : null);
  }
  const header = request.header("cookie");
  if (header === undefined || header === "") return NO_ID;
  if (stateless || names.length > 1) return readAny(header, names, format, stateless);
  const values = readCookies(header, options.cookieName);
  if (values.length === 0) return NO_ID;
  const [value] = values;
  if (values.some((other) => other !== value)) return new SentId(names, null, TWICE);
  return new SentId(names, format.isId(value) ? value : null);
}

/** The cookies of one name. */
class Found {
  readonly name: string;
  readonly chunks: ChunkedCookie;

  constructor(name: string, chunks: ChunkedCookie) {
    this.name = name;
    this.chunks = chunks;
  }
}

/** Of several names the first that came, or a cookie in parts. */
function readAny(header: string, names: readonly string[], format: SessionFormat, stateless: boolean): SentId {
  const read = stateless ? readChunked : (text: string, name: string) => new ChunkedCookie(readCookies(text, name));
  const found = names.map((name) => new Found(name, read(header, name)));
  const present = found.filter(
    ({ chunks }) => chunks.values.length > 0 || chunks.incomplete || chunks.chunkNames.length > 0,
  );
  const sentNames = present.flatMap(({ name, chunks }) => [name, ...chunks.chunkNames]);
  const usable = present.find(({ chunks }) => chunks.values.length > 0);
  if (usable === undefined) return new SentId(sentNames);
  const { chunks, name } = usable;
  const [value] = chunks.values;
  const duplicate = chunks.values.some((other) => other !== value);
  const moved = name !== names[0];
  if (duplicate) return new SentId(sentNames, null, { chunks, duplicate, moved });
  if (stateless) {
    const sealed = value === undefined ? undefined : new SentCookie(name, value);
    return new SentId(sentNames, null, { sealed, chunks, moved });
  }
  return new SentId(sentNames, format.isId(value) ? value : null, { moved });
}

function headerValue(text: string | undefined, scheme: string | undefined): string | undefined {
  if (text === undefined || scheme === undefined) return text;
  const space = text.indexOf(" ");
  return text.slice(0, space).toLowerCase() === scheme.toLowerCase() ? text.slice(space + 1).trim() : undefined;
}
