import { SessionError } from "../../core/errors.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { StatelessStore } from "../../core/store.ts";
import type { DjangoKeys } from "../keys.ts";
import type { DjangoCodecOptions } from "../session-codec.ts";
import { dumps, loads, SIGNED_COOKIE_SALT } from "../signing.ts";
import { djangoRecord } from "./record.ts";

/** What browsers take of one cookie, name and attributes included; Django knows no cookie in pieces. */
const MAX_BYTES = 3800;

/** What the engine of signed cookies works with. */
export interface SignedCookieEngineOptions {
  readonly keys: DjangoKeys;
  readonly cookieAgeSeconds: number;
  readonly now: () => number;
  /** Signatures of SHA-1, as for `djangoCodec`. Default `refuse`. */
  readonly legacy?: DjangoCodecOptions["legacy"];
}

/** `django.contrib.sessions.backends.signed_cookies`: the dictionary itself in the cookie, signed, and readable by who holds it. */
export function signedCookieEngine(options: SignedCookieEngineOptions): StatelessStore {
  const { keys, cookieAgeSeconds, now, legacy = "refuse" } = options;
  const [salt, sha1, hash] = [SIGNED_COOKIE_SALT, legacy !== "refuse", legacy === "write" ? "sha1" : "sha256"] as const;
  return Object.freeze({
    name: "django signed_cookies",
    reach: "none",
    durable: true,
    stateless: true,
    maxCookieBytes: MAX_BYTES,
    open(value: string) {
      const signed = loads(keys, value, { salt, sha1, maxAgeSeconds: cookieAgeSeconds, now: now() });
      if (signed.status === "invalid") return { status: "missing", tampered: signed.reason === "signature" } as const;
      // Only the age counts, as in Django.
      const record = djangoRecord(HANDLE, signed.value, now() + cookieAgeSeconds * 1000);
      return { status: "live", record } as const;
    },
    seal({ data }) {
      const value = dumps(keys, data, { salt, hash, at: now() });
      if (value.length > MAX_BYTES) {
        const problem = `The session takes ${value.length} bytes of a cookie, and Django's signed cookies may have ${MAX_BYTES}`;
        throw new SessionError("ERR_SESSION_TOO_LARGE", problem);
      }
      return value;
    },
  } satisfies StatelessStore);
}

/** A cookie has no key; one handle is as good as another. */
const HANDLE = "signed_cookies" as SessionHandle;
