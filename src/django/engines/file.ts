import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, stat, unlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { type Codec, CodecError } from "../../codec/codec.ts";
import { SessionError } from "../../core/errors.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { SessionRecord } from "../../core/record.ts";
import type { Awaitable, LoadOutcome, SessionStore } from "../../core/store.ts";
import { expiryAt, type ExpiryOptions } from "../expiry.ts";
import { sessionFileName } from "../file-name.ts";
import { DJANGO_KEYS } from "../names.ts";
import { djangoRecord } from "./record.ts";

/** What the file engine works with. */
export interface FileEngineOptions {
  /** `SESSION_FILE_PATH`. */
  readonly dir: string;
  readonly cookieName: string;
  readonly codec: Codec;
  readonly cookieAgeSeconds: number;
  readonly fromLocal?: ExpiryOptions["fromLocal"];
}

/**
 * `django.contrib.sessions.backends.file`: one file a session, written beside it and renamed, its time of change being that of the session.
 * A file system compares nothing: among the calls of this process writes are conditional, and what Django or another process writes at the
 * same moment may be lost.
 */
export function fileEngine(options: FileEngineOptions): SessionStore {
  const { dir, cookieName } = options;
  const tails = new Map<string, Promise<unknown>>();
  const inTurn = async <R>(handle: SessionHandle, task: () => Awaitable<R>): Promise<R> => {
    const turn = (tails.get(handle) ?? Promise.resolve()).then(task);
    const tail = turn.catch(() => undefined);
    tails.set(handle, tail);
    void tail.then(() => {
      if (tails.get(handle) === tail) tails.delete(handle);
    });
    return turn;
  };
  const pathOf = (handle: SessionHandle): string | undefined => {
    const name = sessionFileName(handle, cookieName);
    return name === undefined ? undefined : join(dir, name);
  };
  const find = async (handle: SessionHandle): Promise<SessionRecord | undefined> => {
    const path = pathOf(handle);
    if (path === undefined) return undefined;
    try {
      const [data, { mtimeMs }] = await Promise.all([readFile(path, "utf8"), stat(path)]);
      // An empty file is one that Django has just made.
      return data === "" ? undefined : djangoRecord(handle, data, deadlineOf(data, mtimeMs, options));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };
  const put = async (record: SessionRecord): Promise<void> => {
    const path = pathOf(record.handle);
    if (path === undefined) throw new SessionError("ERR_SESSION_USAGE", "Django's file names take a-z and 0-9 alone");
    await mkdir(dir, { recursive: true });
    const temporary = `${path}_out_${randomBytes(6).toString("hex")}`;
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(record.data);
      await file.close();
      await rename(temporary, path);
    } catch (error) {
      await file.close().catch(() => undefined);
      await unlink(temporary).catch(() => undefined);
      throw error;
    }
  };
  const remove = async (handle: SessionHandle): Promise<void> => {
    const path = pathOf(handle);
    if (path === undefined) return;
    await unlink(path).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
  };
  const loaded = (record: SessionRecord | undefined): LoadOutcome =>
    record === undefined ? { status: "missing" } : { status: "live", record };

  return {
    name: "django file",
    reach: "machine",
    durable: true,
    compareAndSwap: false,
    load: async (handle) => loaded(await find(handle)),
    create: (record) =>
      inTurn(record.handle, async () => {
        if ((await find(record.handle)) !== undefined) return { status: "exists" };
        await put(record);
        return { status: "created" };
      }),
    save: (record, expectedVersion) =>
      inTurn(record.handle, async () => {
        const found = await find(record.handle);
        if (found === undefined) return { status: "missing" };
        if (found.version !== expectedVersion) return { status: "conflict", record: found };
        await put(record);
        return { status: "saved" };
      }),
    // The deadline is the time of change and an age: a visit that is to count changes that time alone.
    touch: (handle, version, expiresAt) =>
      inTurn(handle, async () => {
        const found = await find(handle);
        const path = pathOf(handle);
        if (found?.version !== version || path === undefined) return { status: "stale" };
        if (expiresAt > found.expiresAt) {
          const { atime, mtimeMs } = await stat(path);
          await utimes(path, atime, new Date(mtimeMs + expiresAt - found.expiresAt));
        }
        return { status: "touched" };
      }),
    retire: (handle, tombstone, expectedVersion) =>
      inTurn(handle, async () => {
        const found = await find(handle);
        if (found === undefined) return { status: "missing" };
        if (expectedVersion !== undefined && found.version !== expectedVersion) return { status: "conflict", record: found };
        await remove(handle);
        return { status: "retired", tombstone };
      }),
    async list({ after = "" as SessionHandle, limit }) {
      const page: SessionRecord[] = [];
      for (const handle of (await handlesIn(dir, cookieName)).filter((each) => each > after)) {
        const record = await find(handle);
        if (record !== undefined) page.push(record);
        if (page.length === limit) break;
      }
      return page;
    },
    async clearExpired({ before, limit }) {
      let removed = 0;
      for (const handle of await handlesIn(dir, cookieName)) {
        if (removed === limit) break;
        removed += await inTurn(handle, async () => {
          const found = await find(handle);
          if (found === undefined || found.expiresAt > before) return 0;
          await remove(handle);
          return 1;
        });
      }
      return removed;
    },
  };
}

async function handlesIn(dir: string, cookieName: string): Promise<SessionHandle[]> {
  const names = await readdir(dir).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  return names
    .filter((name) => name.startsWith(cookieName) && /^[a-z0-9]+$/.test(name.slice(cookieName.length)))
    .map((name) => name.slice(cookieName.length) as SessionHandle)
    .toSorted();
}

/** When a session ends that was last saved at `modifiedAt`; a file that cannot be read ends as if it said nothing. */
function deadlineOf(data: string, modifiedAt: number, { codec, cookieAgeSeconds, fromLocal }: FileEngineOptions): number {
  let stored: unknown;
  try {
    stored = codec.parse(codec.decode(data, { place: "" }))[DJANGO_KEYS.expiry];
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
  }
  return Math.floor(expiryAt(stored, { modifiedAt, cookieAgeSeconds, fromLocal }) ?? modifiedAt + cookieAgeSeconds * 1000);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
