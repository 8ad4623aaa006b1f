import { COMMON_OPTIONS } from "./args.ts";
import { CodecError } from "../codec/codec.ts";
import type { Context, OptionTable } from "./context.ts";
import { type DjangoKeys, djangoKeys } from "../django/keys.ts";
import { readPythonJson } from "../django/python/json-read.ts";
import { READ_DEPTH } from "../django/python/limits.ts";
import { PyDict } from "../django/python/values.ts";
import { SESSION_SALT } from "../django/signing.ts";
import { CliError } from "./errors.ts";

/** The options of `decode` and `encode`, but for `--legacy`, which means something else for each. */
export const FORMAT_OPTIONS = {
  format: { type: "string", value: "FORMAT", help: "The format: django." },
  salt: { type: "string", value: "SALT", help: `What the values are signed for. Default: ${SESSION_SALT}.` },
  ...COMMON_OPTIONS,
} as const satisfies OptionTable;

/** The most bytes of a session's JSON that are decoded. */
export const MAX_JSON_BYTES = 32 * 1024 * 1024;

/** @throws {CliError} ERR_CLI_OPTION_VALUE */
export function requireFormat(format: string | undefined): void {
  if (format !== "django") throw new CliError("ERR_CLI_OPTION_VALUE", "--format must be `django`");
}

/** The secrets of the environment. @throws {CliError} ERR_CLI_SECRET_KEY */
export function keysOf({ env }: Context): DjangoKeys {
  const secretKey = env["SECRET_KEY"] ?? "";
  if (secretKey === "") throw new CliError("ERR_CLI_SECRET_KEY");
  const secretKeyFallbacks = (env["SECRET_KEY_FALLBACKS"] ?? "").split(",").filter((secret) => secret !== "");
  try {
    return djangoKeys({ secretKey, secretKeyFallbacks });
  } catch (error) {
    throw new CliError("ERR_CLI_SECRET_KEY", error instanceof Error ? error.message : undefined);
  }
}

/** True for JSON that is a session to Django: an object, in what its reader takes for JSON. */
export function isSessionJson(text: string): boolean {
  try {
    return readPythonJson(text, READ_DEPTH) instanceof PyDict;
  } catch (error) {
    if (error instanceof CodecError) return false;
    throw error;
  }
}

/** JSON in ASCII alone: what is not stands in strings only, and is written there as Python does. */
export function asciiJson(json: string): string {
  return json.replace(/[\u007f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
