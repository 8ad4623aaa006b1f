/** The most cookies that one value is split over. */
export const MAX_CHUNKS = 20;

/**
 * The most bytes of one chunk, name included. Browsers keep 4,096 bytes of name and value; some count the attributes too, so
 * there is room left for them.
 */
export const CHUNK_BYTES = 3900;

/** A cookie's name and value. */
export interface CookiePair {
  readonly name: string;
  readonly value: string;
}

const FIRST_CHUNK = /^~([1-9][0-9]?)~/;
const CHUNK_NUMBER = /^\.([1-9][0-9]?)$/;

/** True for a value that {@link splitCookie} gives as it is, in one cookie. */
export function fitsOneCookie(name: string, value: string, maxBytes: number = CHUNK_BYTES): boolean {
  // A value that looks like a first chunk is written as the only chunk of one, so that it comes back as it was.
  return name.length + value.length <= maxBytes && !value.startsWith("~");
}

/**
 * Splits a value over as many cookies as it needs: `name` alone when it fits, else `name`, `name.1`, `name.2` … The first
 * one then begins with the number of chunks between tildes. Because every writer sets `name`, the last writer's value is the
 * one that is read, whatever chunks an earlier or parallel response left behind.
 *
 * @param value ASCII text
 * @param maxBytes the most bytes of one cookie, name included. Default 3,900.
 * @throws {RangeError} when more than 20 cookies would be needed
 */
export function splitCookie(name: string, value: string, maxBytes: number = CHUNK_BYTES): CookiePair[] {
  if (fitsOneCookie(name, value, maxBytes)) return [{ name, value }];
  const room = maxBytes - name.length - 4;
  if (room < 1) throw new RangeError("A cookie's name leaves no room for its value. Shorten the name.");
  const count = Math.max(1, Math.ceil(value.length / room));
  if (count > MAX_CHUNKS) throw new RangeError(`A value needs more than ${MAX_CHUNKS} cookies. Store less in it.`);
  const pairs: CookiePair[] = [];
  for (let index = 0; index < count; index++) {
    const part = value.slice(index * room, (index + 1) * room);
    pairs.push(index === 0 ? { name, value: `~${count}~${part}` } : { name: `${name}.${index}`, value: part });
  }
  return pairs;
}

/** The number of chunks that a first chunk announces; undefined for a value that stands for itself. */
export function chunkCount(first: string): number | undefined {
  const digits = FIRST_CHUNK.exec(first)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The number in what follows the name of a further chunk (`.1` …); undefined for another cookie's name. */
export function chunkIndex(suffix: string): number | undefined {
  const digits = CHUNK_NUMBER.exec(suffix)?.[1];
  return digits === undefined || Number(digits) >= MAX_CHUNKS ? undefined : Number(digits);
}

/** Joins a first chunk with the further ones; undefined when one is missing. */
export function joinChunks(first: string, chunk: (index: number) => string | undefined): string | undefined {
  const count = chunkCount(first);
  if (count === undefined) return undefined;
  let joined = first.slice(`~${count}~`.length);
  for (let index = 1; index < count; index++) {
    const part = chunk(index);
    if (part === undefined) return undefined;
    joined += part;
  }
  return joined;
}

/**
 * The chunks of a request that its response must delete: those that the value now written does not use. All of them when the
 * cookie itself is deleted.
 *
 * @param present the `chunkNames` of `readChunked`
 * @param written what `splitCookie` gave; nothing when the cookie is deleted
 */
export function staleChunks(present: readonly string[], written: readonly CookiePair[] = []): string[] {
  return present.filter((name) => !written.some((pair) => pair.name === name));
}
