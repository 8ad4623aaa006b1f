import { SessionError } from "../core/errors.ts";
import { isSessionId } from "../core/id.ts";
import type { Notes } from "../core/payload.ts";
import { credentialDigest, type Session, workOf } from "../core/session.ts";
import { SessionWork } from "../core/work.ts";
import { equalInConstantTime } from "../crypto/constant-time.ts";
import { loginsOf } from "./django-sessions.ts";
import { DJANGO_KEYS } from "./names.ts";
import { djangoLogin, djangoUser, type DjangoUserOptions, type DjangoUserRow, MODEL_BACKEND } from "./users.ts";

/** What of a login is Django's alone. */
const LOGIN: ReadonlySet<string> = new Set([DJANGO_KEYS.userId, DJANGO_KEYS.userBackend, DJANGO_KEYS.userHash]);

/**
 * Takes a visitor's session over from Django, where `session` is new and Django has one: data, flash messages and expiry are copied, the
 * user is bound, with the password column as credential, the session is stored, and Django's is flushed. For what `sojourn import` cannot
 * move: sessions in caches, files and signed cookies.
 *
 * ```ts
 * await moveFromDjango(sessions.of(req), fromDjango.of(req), { findUser });
 * ```
 *
 * Of two first requests at once each takes it over, and the browser keeps what answers last.
 *
 * @returns whether a session was taken over; false, too, for one whose user may not log in any more: it is flushed
 * @throws {SessionError} ERR_SESSION_USAGE unless `django` is of `djangoSessions`, and `session` is not; and what loading and storing throw
 */
export async function moveFromDjango<T extends object, D extends object, U extends DjangoUserRow>(
  session: Session<T>,
  django: Session<D>,
  options: DjangoUserOptions<U>,
): Promise<boolean> {
  const [to, from] = sidesOf(session, django);
  await Promise.all([loaded(to), loaded(from)]);
  if (to.status !== "new" || from.status !== "live") return false;
  const user = await djangoUser(django, options);
  // A login that holds no more was flushed, and there is nothing to take over.
  if (!isLive(from)) return false;
  // What was stored for a user is not for whoever comes next at the same browser.
  if (user === null && from.data[DJANGO_KEYS.userId] !== undefined) {
    await django.flush();
    return false;
  }
  copy(from, to);
  if (user !== null) await session.login(user.id, { credential: user.user.password });
  await session.save();
  await django.flush();
  return true;
}

/**
 * The way back: takes a visitor's session over into Django, where Django has none and `session` is live: data, flash messages and expiry are
 * copied, the user is logged in with the password column, Django's session is stored, and `session` is flushed. A session that was imported and
 * not visited since is still known by Django's cookie, and is found by that.
 *
 * ```ts
 * await moveToDjango(django.of(req), sessions.of(req), { findUser });
 * ```
 *
 * Of two first requests at once each takes it over, and the browser keeps what answers last.
 *
 * @returns whether a session was taken over; false, too, for one whose user may not log in any more, or whose login noted the password
 *   column (`credential`) and it is another now: it is flushed
 * @throws {SessionError} ERR_SESSION_USAGE unless `django` is of `djangoSessions`, and `session` is not; ERR_SESSION_DATA for data that
 *   Django's format cannot carry, and then `session` is left as it is; and what loading and storing throw
 */
export async function moveToDjango<T extends object, D extends object, U extends DjangoUserRow>(
  django: Session<D>,
  session: Session<T>,
  { findUser }: DjangoUserOptions<U>,
): Promise<boolean> {
  const [own, to] = sidesOf(session, django);
  // Once it is loaded, a key that Django does not know is forgotten.
  const sent = to.id;
  await Promise.all([loaded(own), loaded(to)]);
  if (to.status !== "new") return false;
  const from = own.status === "new" && isSessionId(sent) ? new SessionWork(own.engine, sent) : own;
  await loaded(from);
  if (from.status !== "live") return false;
  const { userId } = from;
  const user = userId === null ? null : await findUser(userId, MODEL_BACKEND);
  const holds = userId === null || (user !== null && user !== undefined && isSince(from, userId, user.password));
  if (holds) {
    copy(from, to);
    if (userId !== null && user !== null && user !== undefined) {
      await djangoLogin(django, { id: userId, password: user.password });
    }
    await django.save();
  }
  await from.serial(() => from.flush());
  return holds;
}

async function loaded(work: SessionWork): Promise<void> {
  await work.serial(() => work.load());
}

/** Whether the password is still that of the login, as far as the login noted one: a new login would end what tells. */
function isSince({ notes: { credential } }: SessionWork, userId: string, password: string): boolean {
  if (credential === undefined) return true;
  return equalInConstantTime(Buffer.from(credentialDigest(userId, password)), Buffer.from(credential));
}

/** Asked again after something was awaited. */
function isLive({ status }: SessionWork): boolean {
  return status === "live";
}

function copy(from: SessionWork, to: SessionWork): void {
  for (const [name, value] of Object.entries(from.data)) {
    if (!LOGIN.has(name)) to.data[name] = structuredClone(value);
  }
  const { expiry, flash, testCookie } = from.notes;
  const notes: Notes = {
    ...(expiry === undefined ? {} : { expiry }),
    ...(flash === undefined ? {} : { flash: structuredClone(flash) }),
    ...(testCookie === undefined ? {} : { testCookie }),
  };
  to.setNotes(notes);
}

/** The work of the two sides. */
function sidesOf(session: object, django: object): readonly [SessionWork, SessionWork] {
  const [own, theirs] = [workOf(session as Session<never>), workOf(django as Session<never>)];
  if (loginsOf(own.engine.format) === undefined && loginsOf(theirs.engine.format) !== undefined) return [own, theirs];
  throw new SessionError("ERR_SESSION_USAGE", "One session must be of `djangoSessions`, and the other of `createSessions`");
}
