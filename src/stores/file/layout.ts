import { createHash } from "node:crypto";
import { join } from "node:path";
import { SessionError } from "../../core/errors.ts";
import type { SessionHandle } from "../../core/id.ts";

const FILE_HANDLE = /^(?:[0-9a-f]{48}|lock-[0-9a-f]{43})$/;
const USER_HASH = /^[0-9a-f]{48}$/;
const RECORD_NAME = /^((?:lock-[0-9a-f]{43})|[0-9a-f]{48})\.json$/;
const ENTRY_NAME = /^((?:lock-[0-9a-f]{43})|[0-9a-f]{48})(?:\.[\w-]{16})?$/;

/** The names of the sub-folders in which sessions and users are spread: `00` to `ff`. */
export const SHARDS: readonly string[] = Array.from({ length: 256 }, (_, index) => index.toString(16).padStart(2, "0"));

/** The sub-folders of a store. */
export const PARTS = ["sessions", "users", "epochs", "tmp"] as const;

/**
 * Where everything lies under the store's folder:
 *
 * - `sessions/3f/<handle>.json`: a session, or its tombstone;
 * - `sessions/3f/<handle>.lock/`: there while a process is changing that file;
 * - `users/9c/<hash of the user>/<handle>`: an entry of the user's index, an empty file;
 * - `epochs/9c/<hash of the user>.json`: the user's epoch;
 * - `tmp/`: what is being prepared.
 */
export class Layout {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** The file of a session. @throws {SessionError} `ERR_SESSION_USAGE` for text that has not a handle's shape */
  session(handle: SessionHandle): string {
    if (!isFileHandle(handle)) {
      throw new SessionError("ERR_SESSION_USAGE", "The file store was given a handle that has not the shape of one");
    }
    return join(this.sessionShard(shardOf(handle)), `${handle}.json`);
  }

  get sessionShards(): string {
    return join(this.root, "sessions");
  }

  sessionShard(shard: string): string {
    return join(this.sessionShards, shard);
  }

  userShard(shard: string): string {
    return join(this.root, "users", shard);
  }

  user(hash: string): string {
    return join(this.root, "users", hash.slice(0, 2), hash);
  }

  epoch(hash: string): string {
    return join(this.root, "epochs", hash.slice(0, 2), `${hash}.json`);
  }

  get tmp(): string {
    return join(this.root, "tmp");
  }
}

/** True for the handle of a session or of a lock: what may be a part of a path. */
export function isFileHandle(handle: unknown): handle is SessionHandle {
  return typeof handle === "string" && FILE_HANDLE.test(handle);
}

/** The sub-folder of a handle; a lock lies beside its session. */
function shardOf(handle: SessionHandle): string {
  return handle.startsWith("lock-") ? handle.slice(5, 7) : handle.slice(0, 2);
}

/** The folder that guards a file while it is changed. */
export function lockOf(path: string): string {
  return path.replace(/\.json$/, ".lock");
}

/** What stands for a user in file names. */
export function userHash(userId: string): string {
  return createHash("sha256").update("sojourn user 1:").update(userId).digest("hex").slice(0, 48);
}

/** True for a name that stands for a user. */
export function isUserHash(name: string): boolean {
  return USER_HASH.test(name);
}

/** The handle in the name of a session's file, or null. */
export function handleOfFile(name: string): SessionHandle | null {
  return (RECORD_NAME.exec(name)?.[1] ?? null) as SessionHandle | null;
}

/** The handle in the name of an index entry, or null. */
export function handleOfEntry(name: string): SessionHandle | null {
  return (ENTRY_NAME.exec(name)?.[1] ?? null) as SessionHandle | null;
}
