import { SessionError } from "../../core/errors.ts";
import type { SessionHandle } from "../../core/id.ts";

/** What lies under a key: a session's record, its end, or a rotation that has begun. */
export type KeyKind = "s" | "e" | "m";

const HANDLE = /^(?:[0-9a-f]{48}|lock-[0-9a-f]{43})$/;

/** The keys of a store: what they begin with, the kind, and the handle. */
export class Keys {
  readonly #prefix: string;
  readonly #separator: string;

  constructor(prefix: string, separator: string) {
    this.#prefix = prefix;
    this.#separator = separator;
  }

  /** @throws {SessionError} `ERR_SESSION_USAGE` for text that is no handle, which some engine would take for a path or a pattern */
  of(kind: KeyKind, handle: SessionHandle): string {
    if (typeof handle !== "string" || !HANDLE.test(handle)) {
      throw new SessionError("ERR_SESSION_USAGE", "The store was given a handle that has not the shape of one");
    }
    return `${this.#prefix}${kind}${this.#separator}${handle}`;
  }

  /** What a key stands for; undefined for one that is not the store's. */
  parse(key: string): { readonly kind: KeyKind; readonly handle: SessionHandle } | undefined {
    if (!key.startsWith(this.#prefix)) return undefined;
    const kind = key.charAt(this.#prefix.length);
    const handle = key.slice(this.#prefix.length + 1 + this.#separator.length);
    if (kind !== "s" && kind !== "e" && kind !== "m") return undefined;
    if (!HANDLE.test(handle) || key !== this.of(kind, handle as SessionHandle)) return undefined;
    return { kind, handle: handle as SessionHandle };
  }
}
