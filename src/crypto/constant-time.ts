import { timingSafeEqual } from "node:crypto";

/**
 * Compares two tags or commitments in a time that depends on their length only, which is public. Everything that is compared
 * with something secret goes through here.
 */
export function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}
