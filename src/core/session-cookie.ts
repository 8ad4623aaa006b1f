import type { ChunkedCookie } from "../cookie/parse.ts";
import { fitsOneCookie, splitCookie, staleChunks } from "../cookie/chunk.ts";
import { serializeCookie, serializeDeletion } from "../cookie/serialize.ts";
import type { ResolvedOptions } from "./options.ts";

type CookieConfig = Pick<ResolvedOptions, "cookie" | "cookieName" | "readAlso">;

/** The `Set-Cookie` value that hands out an id. */
export function idCookie({ cookie, cookieName }: CookieConfig, id: string, maxAgeSeconds: number | undefined): string {
  return serializeCookie(cookieName, id, cookie, maxAgeSeconds);
}

/** The `Set-Cookie` values that carry a sealed record, and that delete the chunks an earlier, longer one left. */
export function sealedCookies(
  { cookie, cookieName }: CookieConfig,
  sealed: string,
  maxAgeSeconds: number | undefined,
  sent: ChunkedCookie,
): string[] {
  if (fitsOneCookie(cookieName, sealed) && sent.chunkNames.length === 0) {
    return Array.of(serializeCookie(cookieName, sealed, cookie, maxAgeSeconds));
  }
  const pairs = splitCookie(cookieName, sealed);
  return [
    ...pairs.map(({ name, value }) => serializeCookie(name, value, cookie, maxAgeSeconds)),
    ...staleChunks(sent.chunkNames, pairs).map((name) => serializeDeletion(name, cookie)),
  ];
}

/** The text that a `Cookie` header carries for these `Set-Cookie` values. */
export function cookieHeaderOf(setCookies: readonly string[]): string {
  return setCookies.map((text) => text.slice(0, text.indexOf(";"))).join("; ");
}
