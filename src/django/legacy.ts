import type { DjangoKeys } from "./keys.ts";
import { macOf, secretOf, type SaltedMac } from "./mac.ts";
import { MAX_PAYLOAD_BYTES } from "./payload.ts";
import { decodeBase64Leniently } from "./python/base64.ts";
import type { Signed } from "./signing.ts";

/** Options of {@link readLegacy} and {@link writeLegacy}. */
export interface LegacyOptions {
  /** The name of Django's session class, which is part of the salt. Default `SessionStore`, as all of Django's own are called. */
  readonly className?: string | undefined;
}

/**
 * The serializer's bytes of `session_data` as Django wrote it before 3.1, one character each (Latin-1): base64 of an HMAC-SHA-1 in
 * hexadecimal, a colon, and JSON or a pickle. Django 3.1 and 3.2 read it too, later ones do not.
 */
export function readLegacy(
  keys: DjangoKeys,
  text: string,
  { className = "SessionStore" }: LegacyOptions = {},
): Signed<string> {
  if (text.length > MAX_PAYLOAD_BYTES) return { status: "invalid", reason: "size" };
  const bytes = isAscii(text) ? decodeBase64Leniently(text, "base64") : undefined;
  const colon = bytes?.indexOf(0x3a) ?? -1;
  if (bytes === undefined || colon === -1) return { status: "invalid", reason: "format" };
  const payload = bytes.subarray(colon + 1);
  if (secretOf(keys, payload, macFor(className), bytes.subarray(0, colon)) === -1)
    return { status: "invalid", reason: "signature" };
  return { status: "ok", value: payload.toString("latin1"), stale: true };
}

/** `session_data` as Django before 3.1 writes and reads it, for going back to it. @param payload the serializer's bytes, as Latin-1 */
export function writeLegacy(keys: DjangoKeys, payload: string, { className = "SessionStore" }: LegacyOptions = {}): string {
  const bytes = Buffer.from(payload, "latin1");
  return Buffer.concat([Buffer.from(`${macOf(keys, bytes, macFor(className))}:`), bytes]).toString("base64");
}

function macFor(className: string): SaltedMac {
  return { salt: `django.contrib.sessions${className}`, hash: "sha1", encoding: "hex" };
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}
