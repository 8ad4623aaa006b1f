import { type Codec, CodecError, type CodecErrorReason } from "../codec/codec.ts";
import type { Clock } from "../core/clock.ts";
import { type DjangoKeys, djangoKeys, type DjangoKeysOptions } from "./keys.ts";
import { readLegacy, writeLegacy } from "./legacy.ts";
import { readPickle } from "./pickle-read.ts";
import { pythonJson, type PythonSerializer } from "./python-json.ts";
import { writePythonJson } from "./python/json-write.ts";
import { READ_DEPTH } from "./python/limits.ts";
import { plainOf } from "./python/to-plain.ts";
import { dumps, loads, SESSION_SALT, type Signed, type SigningRefusal } from "./signing.ts";

/** Options of {@link djangoCodec}. */
export interface DjangoCodecOptions {
  /** `SECRET_KEY` and `SECRET_KEY_FALLBACKS`. */
  readonly keys: DjangoKeys | DjangoKeysOptions;
  /** Default {@link SESSION_SALT}; a store class of another name has another one. */
  readonly salt?: string | undefined;
  /** `SESSION_SERIALIZER`. Default `pythonJson`. */
  readonly serializer?: PythonSerializer | undefined;
  /**
   * The format of Django before 3.1, and signatures of SHA-1: `refuse` them as Django 4.0 and later do, `read` them as 3.1 and 3.2 do, or
   * `write` that format as well, while a Django before 3.1 shares the sessions. Default `refuse`.
   */
  readonly legacy?: "refuse" | "read" | "write" | undefined;
  /** The most bytes of a payload, inflated or not. Default 8,388,608 (8 MiB). */
  readonly maxBytes?: number | undefined;
  /** Gives the moment of signing. Default the machine's clock. */
  readonly clock?: Pick<Clock, "now"> | undefined;
}

/**
 * `session_data` as Django's database, file and cached_db engines have it: `SessionBase.encode` and `decode`. What is signed with a
 * fallback is read, and written back with the current secret. What was read and not changed goes back as the same Python value.
 *
 * A pickle in the format before 3.1 is read although the serializer is JSON, if JSON can carry what is in it.
 *
 * @throws {TypeError} for a secret that is missing or empty, and for options that cannot be
 */
export function djangoCodec(options: DjangoCodecOptions): Codec {
  const { salt = SESSION_SALT, serializer = pythonJson, legacy = "refuse", maxBytes, clock = Date } = checked(options);
  const keys = "secretKey" in options.keys ? djangoKeys(options.keys) : options.keys;
  const sha1 = legacy !== "refuse";
  return Object.freeze({
    name: `django(${serializer.name})`,
    stringify: (value: Readonly<Record<string, unknown>>, base?: string) => serializer.stringify(value, base),
    parse: (plain: string) => serializer.parse(plain),
    encode(plain: string): string {
      return legacy === "write" ? writeLegacy(keys, plain) : dumps(keys, plain, { salt, at: clock.now() });
    },
    decode(text: string): string {
      const signed = loads(keys, text, { salt, sha1, maxBytes });
      if (signed.status === "ok") return signed.value;
      const old: Signed<string> = sha1 ? readLegacy(keys, text) : signed;
      // Of two refusals the newer format's says more, unless the text was of the older one.
      if (old.status === "invalid") throw refusal(signed.reason === "format" ? old.reason : signed.reason);
      return serializer.name === "json" ? withoutPickle(old.value) : old.value;
    },
  });
}

function checked(options: DjangoCodecOptions): DjangoCodecOptions {
  const { salt = SESSION_SALT, legacy = "refuse", maxBytes = 1024 } = options;
  if (typeof salt !== "string" || !salt.isWellFormed()) throw new TypeError("djangoCodec: salt must be text.");
  if (!["refuse", "read", "write"].includes(legacy)) {
    throw new TypeError('djangoCodec: legacy must be "refuse", "read" or "write".');
  }
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1024 || maxBytes > 2 ** 28) {
    throw new TypeError("djangoCodec: maxBytes must be a number of bytes from 1,024 to 268,435,456.");
  }
  return options;
}

const REASONS: Readonly<Record<SigningRefusal, CodecErrorReason>> = {
  format: "format",
  signature: "tampered",
  expired: "tampered",
  size: "size",
};

function refusal(reason: SigningRefusal): CodecError {
  return new CodecError(REASONS[reason], "The stored text is not what this project's Django signed");
}

/** A pickled payload as JSON; JSON as it is. */
function withoutPickle(payload: string): string {
  // JSON never begins with this byte, and Django's pickles always do.
  if (!payload.startsWith("\x80")) return payload;
  const { value } = readPickle(Buffer.from(payload, "latin1"));
  plainOf(value, READ_DEPTH);
  try {
    return writePythonJson(value);
  } catch {
    throw new CodecError("format", "The stored pickle holds bytes or a set, which JSON cannot carry");
  }
}
