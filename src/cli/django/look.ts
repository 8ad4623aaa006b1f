import { isSessionError } from "../../core/errors.ts";
import { isSessionHandle, type SessionHandle } from "../../core/id.ts";
import type { ListedSession } from "../../core/sessions.ts";
import { isMadeSessionKey, isSessionKey } from "../../django/session-key.ts";
import { CodecError } from "../../codec/codec.ts";
import { CliError } from "../errors.ts";
import type { Opened } from "../sealed.ts";
import { nameIn, sealedIn } from "../typed-session.ts";
import { describeRow, djangoHandle } from "./content.ts";
import type { DjangoSettings } from "./options.ts";
import type { DjangoSource } from "./source.ts";
import type { DjangoRow } from "./table.ts";

/** Finds the session that a text names: by a key, a handle as `list` shows it, or a cookie. */
export async function lookUpDjango(source: DjangoSource, settings: DjangoSettings, text: string): Promise<Opened> {
  const { codec, cookie } = source;
  const names = [settings.cookieName];
  if (cookie !== undefined) {
    const outcome = cookie.open(sealedIn(text, names).value, settings.cookieName);
    if (outcome.status !== "live") return { handle: null, stored: { state: outcome.tampered ? "tampered" : "missing" } };
    const { data, expiresAt } = outcome.record;
    // The age counts, and the cookie says when it began; a moment is all that is left to know.
    return { handle: null, stored: describeRow({ key: "", data, expiresAt }, codec, settings.zone, Date.now()) };
  }
  const name = nameIn(text, names, sessionName) ?? (isSessionKey(text) && !/[\s;="]/.test(text) ? text : undefined);
  if (name === undefined) throw new CliError("ERR_CLI_NOT_A_SESSION");
  try {
    const row = await (isSessionHandle(name) ? rowOf(source, name) : source.find?.(name));
    const handle = isSessionHandle(name) ? name : djangoHandle(name);
    if (row === undefined) return { handle, stored: { state: "missing" } };
    return { handle, stored: describeRow(row, codec, settings.zone, Date.now()) };
  } catch (error) {
    const isUnreadable = error instanceof CodecError || isSessionError(error, "ERR_SESSION_UNREADABLE");
    if (!isUnreadable) throw error;
    return { handle: null, stored: { state: "unreadable", reason: error instanceof CodecError ? error.reason : "record" } };
  }
}

function sessionName(part: string): string | undefined {
  return isMadeSessionKey(part) || isSessionHandle(part) ? part : undefined;
}

/** The session of a handle: keys are hashed until one fits. */
async function rowOf(source: DjangoSource, handle: SessionHandle): Promise<DjangoRow | undefined> {
  if (source.rows === undefined) {
    throw new CliError("ERR_CLI_NOT_A_SESSION", "That is a handle, and a cache finds sessions by their keys alone");
  }
  for await (const row of source.rows()) if (djangoHandle(row.key) === handle) return row;
  return undefined;
}

/** Which of them to list. */
export interface DjangoListing {
  readonly user: string | undefined;
  readonly after: string | undefined;
}

/**
 * The sessions that are not over, in the order of their keys.
 *
 * @throws {CliError} ERR_CLI_NOT_LISTED, ERR_CLI_OPTION_VALUE for a handle that is not there
 */
export async function* listDjango(
  source: DjangoSource,
  { zone }: DjangoSettings,
  { user, after }: DjangoListing,
): AsyncGenerator<ListedSession, void> {
  if (source.rows === undefined) throw new CliError("ERR_CLI_NOT_LISTED");
  let begun = after === undefined;
  const now = Date.now();
  for await (const row of source.rows()) {
    if (!begun) begun = djangoHandle(row.key) === after;
    else if (!(row.expiresAt <= now)) {
      const session = listed(row, source, zone, now);
      if (user === undefined || session.userId === user) yield session;
    }
  }
  if (!begun)
    throw new CliError(
      "ERR_CLI_OPTION_VALUE",
      "--after must be a handle as `sojourn list` shows it, of a row that is there",
    );
}

function listed(row: DjangoRow, { codec }: DjangoSource, zone: DjangoSettings["zone"], now: number): ListedSession {
  const stored = describeRow(row, codec, zone, now);
  if (!("record" in stored) || stored.record === undefined) throw new TypeError("a row always has a record");
  const { handle, userId, createdAt, expiresAt, version, data } = stored.record;
  return {
    handle,
    userId,
    createdAt: new Date(createdAt),
    expiresAt: new Date(expiresAt),
    version,
    bytes: Buffer.byteLength(data),
    data: stored.content?.data ?? null,
  };
}
