import type { DjangoHash, DjangoKeys } from "./keys.ts";
import { macOf, secretOf, type SaltedMac } from "./mac.ts";

const MAC: SaltedMac = Object.freeze({
  salt: "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash",
  hash: "sha256",
  encoding: "hex",
});

/** Options of {@link authHash}. */
export interface AuthHashOptions {
  /** Default `sha256`; `sha1` is what Django wrote before 3.1. */
  readonly hash?: DjangoHash | undefined;
}

/**
 * `get_session_auth_hash()`, what a login stores as `_auth_user_hash`: it changes with the password, so that a changed password ends the
 * sessions of before.
 *
 * @param password the user's `password` column as it is, algorithm and salt included
 */
export function authHash(keys: DjangoKeys, password: string, { hash = "sha256" }: AuthHashOptions = {}): string {
  return macOf(keys, password, { ...MAC, hash });
}

/** Options of {@link checkAuthHash}. */
export interface CheckAuthHashOptions {
  /** True to take hashes of SHA-1 too, as Django 3.1 and 3.2 do. Default false. */
  readonly sha1?: boolean | undefined;
}

/**
 * How a stored hash stands: `current`; `stale`, made with a fallback or with SHA-1: Django cycles the key then, and stores `current`;
 * `invalid`: the session is not this user's any more, and Django flushes it.
 */
export type AuthHashCheck =
  | { readonly status: "current" }
  | { readonly status: "stale"; readonly current: string }
  | { readonly status: "invalid" };

/** Compares the hash that a session has with the user's password column, in constant time, with the current secret and each fallback. */
export function checkAuthHash(
  keys: DjangoKeys,
  password: string,
  stored: unknown,
  { sha1 = false }: CheckAuthHashOptions = {},
): AuthHashCheck {
  if (typeof stored !== "string" || stored === "") return { status: "invalid" };
  const index = secretOf(keys, password, MAC, stored);
  if (index === 0) return { status: "current" };
  const isStale = index > 0 || (sha1 && secretOf(keys, password, { ...MAC, hash: "sha1" }, stored) !== -1);
  return isStale ? { status: "stale", current: authHash(keys, password) } : { status: "invalid" };
}
