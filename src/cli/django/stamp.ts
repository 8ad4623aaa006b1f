import { createHash } from "node:crypto";
import type { DjangoRow } from "./table.ts";

/**
 * The version of an imported record, which says what it was made of: so an import that runs again knows its own records, and whether
 * the row, the application or a visitor changed anything since.
 */
export interface Stamp {
  /** The table that the row came from, as a digest. */
  readonly source: string;
  /** The deadline that the record was stored with. */
  readonly expiresAt: number;
}

const SHAPE = /^dj([\w-]{8})-([0-9a-z]+)-[\w-]{12}$/;

/** A short digest of a text. */
function digestOf(text: string, length: number): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, length);
}

/** A table as a digest. @param place its database and its name */
export function sourceDigest(place: string): string {
  return digestOf(`sojourn import 1:${place}`, 8);
}

/** The version for a row. @param plain what is stored of it */
export function stampOf(source: string, { data, expiresAt }: DjangoRow, plain: string): string {
  return `dj${source}-${Math.floor(expiresAt).toString(36)}-${digestOf(JSON.stringify([expiresAt, data, plain]), 12)}`;
}

/** What a version says; undefined for one that no import wrote. */
export function readStamp(version: string): Stamp | undefined {
  const [whole, source = "", deadline = ""] = SHAPE.exec(version) ?? [];
  return whole === undefined ? undefined : { source, expiresAt: Number.parseInt(deadline, 36) };
}
