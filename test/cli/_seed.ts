import { join } from "node:path";
import {
  createSessions,
  handleOf,
  jsonCodec,
  type SessionHandle,
  type SessionId,
  type SessionRecord,
  type Sessions,
  type SessionStore,
} from "../../src/index.ts";
import { newSessionId, newVersion } from "../../src/core/id.ts";
import { isStateless } from "../../src/core/store.ts";

/** The stores that the commands are tried on, by the URLs that name them in a test's folder. */
export const STORES = ["sqlite:sessions.db", "file:sessions"] as const;

/** The absolute URL of a store in a folder. */
export function urlIn(folder: string, url: string): string {
  const colon = url.indexOf(":");
  return `${url.slice(0, colon)}:${join(folder, url.slice(colon + 1))}`;
}

/** Opens a store in a folder, does something with it, and closes it. */
export async function withSessions<R>(
  folder: string,
  url: string,
  work: (sessions: Sessions, store: SessionStore) => Promise<R>,
): Promise<R> {
  const sessions = createSessions({ store: urlIn(folder, url) });
  const { store } = sessions;
  if (isStateless(store)) throw new Error("a store on the server is needed");
  try {
    return await work(sessions, store);
  } finally {
    await sessions.close();
  }
}

/** A session that was stored, with its id. */
export interface Seeded {
  readonly id: SessionId;
  readonly handle: SessionHandle;
}

/** Stores a session as it is described; the rest is ordinary. */
export async function seed(
  store: SessionStore,
  data: Record<string, unknown> = {},
  fields: Partial<SessionRecord> & { readonly id?: string } = {},
): Promise<Seeded> {
  const { id: given, ...rest } = fields;
  const id = (given ?? newSessionId()) as SessionId;
  const handle = handleOf(id);
  const codec = jsonCodec();
  const now = Date.now();
  const record: SessionRecord = {
    handle,
    data: codec.encode(codec.stringify(data), { place: handle }),
    version: newVersion(),
    createdAt: now,
    expiresAt: now + 3_600_000,
    userId: null,
    epoch: 0,
    ...rest,
  };
  const { status } = await store.create(record);
  if (status !== "created") throw new Error(`the session was not stored: ${status}`);
  return { id, handle };
}
