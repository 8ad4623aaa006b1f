import { wholeNumber } from "../args.ts";
import type { Context, OptionTable } from "../context.ts";
import { keysOf } from "../django-format.ts";
import { CliError } from "../errors.ts";
import { DEFAULT_COOKIE_AGE_SECONDS } from "../../django/expiry.ts";
import { DEFAULT_COOKIE_NAME } from "../../django/file-name.ts";
import type { DjangoKeys } from "../../django/keys.ts";
import { SESSION_SALT } from "../../django/signing.ts";
import { type LocalZone, localZone } from "../../django/zone.ts";

/** What describes a Django project's sessions, beside their URL and the secrets in the environment. */
export const DJANGO_SETTINGS = {
  table: { type: "string", value: "NAME", help: "Django: the table. Default django_session." },
  "cookie-age": { type: "string", value: "SECONDS", help: "Django: SESSION_COOKIE_AGE. Default 1209600." },
  "time-zone": { type: "string", value: "NAME", help: "Django: TIME_ZONE, where USE_TZ is False. Default UTC." },
  salt: { type: "string", value: "SALT", help: `Django: what the values are signed for. Default: ${SESSION_SALT}.` },
  legacy: { type: "boolean", help: "Django: read what a Django before 3.1 wrote, too." },
} as const satisfies OptionTable;

/** The options of commands that can look at Django's sessions. */
export const DJANGO_OPTIONS = {
  django: {
    type: "string",
    value: "URL",
    help:
      "Look at Django's sessions instead, with SECRET_KEY in the environment: sqlite:FILE, postgres://…, mysql://…, redis://…, " +
      "memcached://…, file:FOLDER, cookie:",
  },
  "cookie-name": { type: "string", value: "NAME", help: "The cookie's name, if neither the default nor configured." },
  "key-prefix": { type: "string", value: "TEXT", help: "Django: KEY_PREFIX of the cache. Default none." },
  "key-version": { type: "string", value: "N", help: "Django: VERSION of the cache. Default 1." },
  ...DJANGO_SETTINGS,
} as const satisfies OptionTable;

/** What was said of Django's sessions. */
export type DjangoArguments = {
  readonly [K in Exclude<keyof typeof DJANGO_OPTIONS, "legacy">]?: string | undefined;
} & { readonly legacy: boolean };

/** Django's settings, as the command line has them. */
export interface DjangoSettings {
  readonly url: string;
  /** The secrets of the environment. @throws {CliError} ERR_CLI_SECRET_KEY */
  readonly keys: () => DjangoKeys;
  readonly salt: string;
  readonly table: string;
  readonly cookieName: string;
  readonly cookieAgeSeconds: number;
  readonly keyPrefix: string;
  readonly keyVersion: number;
  readonly zone: LocalZone;
  readonly legacy: "read" | "refuse";
}

/** What has no meaning without `--django`. */
const DJANGO_ONLY = ["key-prefix", "key-version", "table", "cookie-age", "time-zone", "salt"] as const;

/** @throws {CliError} ERR_CLI_ARGUMENTS for options that contradict each other */
export function checkDjangoArguments(given: DjangoArguments & { readonly store?: string | undefined }): void {
  if (given.django !== undefined) {
    if (given.store === undefined) return;
    throw new CliError("ERR_CLI_ARGUMENTS", "--store and --django name two places; say one of them");
  }
  const [lost] = [...DJANGO_ONLY.filter((name) => given[name] !== undefined), ...(given.legacy ? ["legacy"] : [])];
  if (lost !== undefined) throw new CliError("ERR_CLI_ARGUMENTS", `--${lost} is for Django's sessions: say --django URL`);
}

/**
 * Django's settings, from the command line and, for the secrets, from the environment.
 *
 * @throws {CliError} ERR_CLI_OPTION_VALUE
 */
export function djangoSettings(ctx: Context, url: string, given: DjangoArguments): DjangoSettings {
  const number = (name: "cookie-age" | "key-version", otherwise: number): number =>
    given[name] === undefined ? otherwise : wholeNumber(name, given[name], 1);
  return Object.freeze({
    url,
    keys: () => keysOf(ctx),
    salt: given.salt ?? SESSION_SALT,
    table: given.table ?? "django_session",
    cookieName: given["cookie-name"] ?? DEFAULT_COOKIE_NAME,
    cookieAgeSeconds: number("cookie-age", DEFAULT_COOKIE_AGE_SECONDS),
    keyPrefix: given["key-prefix"] ?? "",
    keyVersion: number("key-version", 1),
    zone: zoneOf(given["time-zone"] ?? "UTC"),
    legacy: given.legacy ? "read" : "refuse",
  });
}

function zoneOf(name: string): LocalZone {
  try {
    return localZone(name);
  } catch {
    throw new CliError("ERR_CLI_OPTION_VALUE", "--time-zone must be a zone such as Europe/Berlin");
  }
}
