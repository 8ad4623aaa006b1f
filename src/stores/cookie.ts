import { fitsOneCookie, splitCookie } from "../cookie/chunk.ts";
import { SessionError } from "../core/errors.ts";
import type { SessionRecord } from "../core/record.ts";
import type { OpenOutcome, StatelessStore } from "../core/store.ts";
import { open, seal } from "../crypto/aead.ts";
import { decodeBase64url, encodeBase64url } from "../crypto/base64url.ts";
import { sign, SIGNATURE_BYTES, verify, type Refusal } from "../crypto/hmac.ts";
import { keyRing, type KeyInput, type KeyRing, type PurposeKeys } from "../crypto/key-ring.ts";
import { packRecord, unpackRecord } from "./cookie/packed-record.ts";
import { RecentCookies } from "./cookie/recent.ts";

/** Options of {@link cookieStore}. */
export interface CookieStoreOptions {
  /** The keys: the first writes, all read. Each 32 random bytes, or the text that `sojourn generate-key` prints. */
  readonly keys: KeyInput | readonly KeyInput[] | KeyRing;
  /**
   * `sealed`: nobody but the server reads the data. `signed`: the browser's owner can read it, and not change it. Default
   * sealed.
   */
  readonly mode?: "sealed" | "signed" | undefined;
  /**
   * The most bytes that one session may take over all its cookies, names included: 512 to 65,536. Default 7,168.
   *
   * A `Cookie` header is one line, and nginx and Apache refuse a line beyond 8 KiB, Node all headers beyond 16 KiB: the
   * default leaves room for other cookies. Raise it only with the limits of everything in front of the application. On the
   * way to the browser, nginx as a proxy also bounds all response headers together (`proxy_buffer_size`, 4 or 8 KiB).
   */
  readonly maxCookieBytes?: number | undefined;
}

type Mode = "sealed" | "signed";

/** What one mode does to the packed record, behind its mark. */
interface Protection {
  readonly mark: string;
  protect(plain: Buffer, cookieName: string): Buffer;
  unprotect(bytes: Buffer, cookieName: string): { readonly plain: Buffer } | { readonly refusal: Refusal };
}

const DEFAULT_MAX_COOKIE_BYTES = 7168;
const MARK = /^[es]([1-9][0-9]{0,2})\./;

/**
 * Keeps each session in its visitor's own cookie, sealed or signed; the server stores nothing. A copy of what the last few hundred
 * cookies held stays in memory, so that one that comes again need not be opened again.
 *
 * That makes it no shared state, and it says so: two requests at once do not see each other's changes and the last response
 * wins, nothing can be listed or revoked, and an old copy of a cookie is good until its deadline, after a logout too. Use it
 * for a few small values that may be read back late, not for counters, balances or single-use codes.
 *
 * The value is bound to the cookie's name and carries a version mark and a key id. Reading gives `missing` for what is not
 * its own, with `tampered` when it is marked as its own and does not verify. Both modes are read, whichever writes, because
 * both are made with the same keys; nothing else is ever read.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` for keys that are missing, short or not random, or options out of range; when
 * opening, `ERR_SESSION_UNREADABLE` for a key that is not in the ring or a newer format; when sealing,
 * `ERR_SESSION_TOO_LARGE` past the limit
 */
export function cookieStore(options: CookieStoreOptions): StatelessStore {
  const { mode = "sealed", maxCookieBytes = DEFAULT_MAX_COOKIE_BYTES } = options;
  if (mode !== "sealed" && mode !== "signed") throw config('cookieStore: `mode` must be "sealed" or "signed"');
  if (!Number.isInteger(maxCookieBytes) || maxCookieBytes < 512 || maxCookieBytes > 65_536) {
    throw config("cookieStore: `maxCookieBytes` must be a whole number from 512 to 65,536");
  }
  const ring = ringOf(options.keys);
  const protections: Readonly<Record<Mode, Protection>> = {
    sealed: sealing(ring.forPurpose("cookie store seal")),
    signed: signing(ring.forPurpose("cookie store sign")),
  };
  const readable = Object.values(protections);
  const recent = new RecentCookies();

  return Object.freeze({
    name: "cookie",
    reach: "none",
    durable: true,
    stateless: true,
    maxCookieBytes,

    open(value: string, cookieName: string): OpenOutcome {
      const known = recent.find(cookieName, value);
      if (known !== undefined) return { status: "live", record: known };
      const protection = readable.find(({ mark }) => value.startsWith(mark));
      if (protection === undefined) {
        if (MARK.test(value)) throw unreadable("The session's cookie has a newer format");
        return { status: "missing", tampered: false };
      }
      const bytes = decodeBase64url(value.slice(protection.mark.length));
      if (bytes === undefined) return { status: "missing", tampered: true };
      const outcome = protection.unprotect(bytes, cookieName);
      if ("refusal" in outcome) {
        if (outcome.refusal === "tampered") return { status: "missing", tampered: true };
        throw unreadable(
          `The session's cookie ${outcome.refusal === "key" ? "was made with another key" : "has a newer format"}`,
        );
      }
      const record = unpackRecord(outcome.plain.toString());
      if (record === undefined) throw unreadable("The session's cookie holds another record than this version writes");
      return { status: "live", record: recent.put(cookieName, value, record) };
    },

    seal(record: SessionRecord, cookieName: string): string {
      const text = packRecord(record);
      if (!text.isWellFormed()) throw new SessionError("ERR_SESSION_DATA", "The encoded data has a lone surrogate");
      const { mark, protect } = protections[mode];
      const value = mark + encodeBase64url(protect(Buffer.from(text), cookieName));
      const bytes = cookieBytes(cookieName, value);
      if (bytes > maxCookieBytes) {
        throw new SessionError(
          "ERR_SESSION_TOO_LARGE",
          `The session takes ${bytes} bytes of cookies, of at most ${maxCookieBytes}`,
        );
      }
      // As it will be read: what was given may be a part of a larger text, and keep that.
      recent.put(cookieName, value, unpackRecord(text) ?? record);
      return value;
    },
  } satisfies StatelessStore);
}

function sealing(keys: PurposeKeys): Protection {
  return {
    mark: "e1.",
    protect: (plain, cookieName) => seal(keys, cookieName, plain),
    unprotect(bytes, cookieName) {
      const { plain, refusal } = open(keys, cookieName, bytes);
      return refusal === undefined ? { plain } : { refusal };
    },
  };
}

function signing(keys: PurposeKeys): Protection {
  const scope = (place: string) => ({ purpose: "cookie store", place });
  return {
    mark: "s1.",
    protect: (plain, cookieName) => Buffer.concat([sign(keys, scope(cookieName), plain), plain]),
    unprotect(bytes, cookieName) {
      const plain = bytes.subarray(SIGNATURE_BYTES);
      const refusal = verify(keys, scope(cookieName), plain, bytes.subarray(0, SIGNATURE_BYTES));
      return refusal === undefined ? { plain } : { refusal };
    },
  };
}

/** The bytes of all cookies that a value takes, or more than any limit when it cannot be split at all. */
function cookieBytes(cookieName: string, value: string): number {
  if (fitsOneCookie(cookieName, value)) return cookieName.length + value.length;
  try {
    return splitCookie(cookieName, value).reduce((sum, pair) => sum + pair.name.length + pair.value.length, 0);
  } catch {
    return cookieName.length + value.length;
  }
}

function ringOf(keys: CookieStoreOptions["keys"]): KeyRing {
  try {
    return keyRing(keys);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw config(`cookieStore: ${error.message.replace(/\.$/, "")}`);
  }
}

function config(detail: string): SessionError {
  return new SessionError("ERR_SESSION_CONFIG", detail);
}

function unreadable(detail: string): SessionError {
  return new SessionError("ERR_SESSION_UNREADABLE", detail);
}
