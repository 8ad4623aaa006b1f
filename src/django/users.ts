import { SessionError } from "../core/errors.ts";
import { type Session, workOf } from "../core/session.ts";
import type { Awaitable } from "../core/store.ts";
import { authHash, type AuthHashCheck, checkAuthHash } from "./auth-hash.ts";
import { type DjangoLogins, loginsOf } from "./django-sessions.ts";
import { DJANGO_KEYS } from "./names.ts";

/** The authentication back end of a project that has not set another. */
export const MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend";

/** What has to be known of a user. */
export interface DjangoUserRow {
  /** The `password` column as it is, algorithm and salt included. */
  readonly password: string;
}

/** Who logs in. */
export interface DjangoLogin extends DjangoUserRow {
  /** The user's primary key. */
  readonly id: string | number | bigint;
  /** The authentication back end that let the user in. Default Django's `ModelBackend`. */
  readonly backend?: string | undefined;
}

/** The user of a session. */
export interface DjangoUser<U extends DjangoUserRow> {
  readonly id: string;
  readonly backend: string;
  readonly user: U;
}

/** How to find a user. */
export interface DjangoUserOptions<U extends DjangoUserRow> {
  /** Gives the user of a primary key, or null or undefined for one that is not there or may not log in any more. */
  findUser(id: string, backend: string): Awaitable<U | null | undefined>;
}

/**
 * Who is logged in, as `django.contrib.auth.get_user` finds it: the session's hash is compared with the user's password column, in
 * constant time, with each secret. A session from before a change of password is flushed, and null.
 *
 * @throws {SessionError} ERR_SESSION_USAGE for a session that is not Django's
 */
export async function djangoUser<T extends object, U extends DjangoUserRow>(
  session: Session<T>,
  { findUser }: DjangoUserOptions<U>,
): Promise<DjangoUser<U> | null> {
  const logins = secretsOf(session);
  const data = await dictionary(session);
  const { [DJANGO_KEYS.userId]: id, [DJANGO_KEYS.userBackend]: backend, [DJANGO_KEYS.userHash]: hash } = data;
  if (typeof id !== "string" || typeof backend !== "string") return null;
  const user = await findUser(id, backend);
  if (user === null || user === undefined) return null;
  const check = checked(logins, user.password, hash);
  if (check.status === "invalid") {
    await session.flush();
    return null;
  }
  if (check.status === "stale") {
    await session.cycleId();
    data[DJANGO_KEYS.userHash] = check.current;
  }
  return { id, backend, user };
}

/**
 * Logs a user in, as `django.contrib.auth.login` does: a new id for a session of nobody, a flush for one of somebody else or from before
 * a change of password. Takes effect when the session is stored.
 *
 * @throws {SessionError} ERR_SESSION_USAGE for a session that is not Django's
 */
export async function djangoLogin<T extends object>(session: Session<T>, login: DjangoLogin): Promise<void> {
  const { id, password, backend = MODEL_BACKEND } = login;
  const logins = secretsOf(session);
  const data = await dictionary(session);
  const present = data[DJANGO_KEYS.userId];
  if (present === undefined) await session.cycleId();
  else if (present !== String(id) || checked(logins, password, data[DJANGO_KEYS.userHash]).status === "invalid") {
    await session.flush();
  }
  const fresh = await dictionary(session);
  fresh[DJANGO_KEYS.userId] = String(id);
  fresh[DJANGO_KEYS.userBackend] = backend;
  fresh[DJANGO_KEYS.userHash] = hashFor(logins, password);
}

/** Logs out, as `django.contrib.auth.logout` does: data and id are forgotten, at once. */
export async function djangoLogout<T extends object>(session: Session<T>): Promise<void> {
  await session.flush();
}

/** The hash that the oldest Django beside us understands. */
function hashFor({ keys, legacy }: DjangoLogins, password: string): string {
  return authHash(keys, password, { hash: legacy === "write" ? "sha1" : "sha256" });
}

function checked(logins: DjangoLogins, password: string, stored: unknown): AuthHashCheck {
  const check = checkAuthHash(logins.keys, password, stored, { sha1: logins.legacy !== "refuse" });
  if (check.status === "invalid") return check;
  const current = hashFor(logins, password);
  // It was verified: what it is compared with here is nothing that anybody could find out.
  return stored === current ? { status: "current" } : { status: "stale", current };
}

async function dictionary<T extends object>(session: Session<T>): Promise<Record<string, unknown>> {
  return (await session.load()) as Record<string, unknown>;
}

function secretsOf<T extends object>(session: Session<T>): DjangoLogins {
  const logins = loginsOf(workOf(session as unknown as Session<never>).engine.format);
  if (logins === undefined) throw new SessionError("ERR_SESSION_USAGE", "The session is not of `djangoSessions`");
  return logins;
}
