import type { Codec } from "../codec/codec.ts";
import {
  handleOf,
  isSessionHandle,
  isSessionId,
  newSessionId,
  newVersion,
  type SessionHandle,
  type SessionId,
} from "./id.ts";
import { SessionError } from "./errors.ts";
import { parsePayload, type Payload, stringifyPayload } from "./payload.ts";

/**
 * How sessions look outside of the core: their ids, where their own notes stand among the data, and what of the protocol their
 * records can carry. There is sojourn's own, and those of systems that sessions are shared with.
 */
export interface SessionFormat {
  newId(): SessionId;
  /** True for text that has an id's shape. */
  isId(text: unknown): text is SessionId;
  /** True for text that has a handle's shape. */
  isHandle(text: unknown): text is SessionHandle;
  handleOf(id: SessionId): SessionHandle;
  /**
   * The plain text of a payload, the same for the same content.
   *
   * @param base the plain text that the content was read from, of which a codec may keep more than the data shows
   * @throws {SessionError} ERR_SESSION_DATA
   */
  stringify(codec: Codec, payload: Payload, base?: string): string;
  /** @throws {CodecError} */
  parse(codec: Codec, plain: string): Payload;
  /** The version of a record that is about to be stored with this encoded data. */
  versionOf(data: string): string;
  /**
   * True when a version is its writer's own, so that who finds it knows that it was stored. False when the records have no place for
   * one, and their content is their version: then another writer may have stored the same.
   */
  readonly ownVersions: boolean;
  /** What moves the deadline: every visit, or writes alone. */
  readonly slides: "visit" | "write";
  /** What the sessions cannot have, and in words what to do instead. */
  readonly without: { readonly login?: string; readonly exclusive?: string };
}

/** @throws {SessionError} ERR_SESSION_UNSUPPORTED for what the sessions of this format cannot have */
export function refuseWithout({ without }: SessionFormat, what: keyof SessionFormat["without"]): void {
  const instead = without[what];
  if (instead !== undefined) throw new SessionError("ERR_SESSION_UNSUPPORTED", instead);
}

/** Sojourn's own format: hashed ids, random versions, notes under a key of their own. */
export const sojournFormat: SessionFormat = Object.freeze({
  newId: newSessionId,
  isId: isSessionId,
  isHandle: isSessionHandle,
  handleOf,
  stringify: stringifyPayload,
  parse: parsePayload,
  versionOf: () => newVersion(),
  ownVersions: true,
  slides: "visit",
  without: Object.freeze({}),
} satisfies SessionFormat);
