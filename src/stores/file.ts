import { SessionError } from "../core/errors.ts";
import type { SessionStore } from "../core/store.ts";
import type { SyncLevel } from "./file/disk.ts";
import { openFolder } from "./file/folder.ts";
import { openFileStore } from "./file/store.ts";

/** Options of {@link fileStore}. */
export interface FileStoreOptions {
  /** The folder. It is made, with mode 0700, if only it is missing; the folder above it must be there. */
  readonly dir: string;
  /**
   * What a call waits for before it answers. Whatever the choice, and whenever a process is killed, a session is old or
   * new and never half; the choice is about the machine's power failing.
   *
   * - `"data"` (the default): the session's data is on the disk. After a power failure each session is old or new as a
   *   whole, but the last seconds of changes, endings among them, may be undone.
   * - `"full"`: the folder's entry is on the disk too. Nothing that was answered is undone.
   * - `"none"`: nothing. After a power failure a file may be damaged, and its session then cannot be read.
   */
  readonly sync?: "none" | "data" | "full";
}

const SYNC_LEVELS: readonly unknown[] = ["none", "data", "full"] satisfies SyncLevel[];

/**
 * Keeps sessions in a folder, one file a session, for one machine: any number of processes may share the folder. A file
 * is a line of JSON with everything but the data, and a line with the data; files have mode 0600 and folders 0700, and
 * no symbolic link is followed.
 *
 * Writes compare and replace in one step, without waiting for a process that was killed or stopped: what it left is
 * cleared away after 200 ms, and if it wakes up, its late write is refused. A rotation covers both sessions or neither.
 * It needs a local file system with hard links.
 *
 * @param options the folder's path, or options with it
 * @throws {SessionError} `ERR_SESSION_CONFIG` when the folder cannot be one
 */
export function fileStore(options: string | FileStoreOptions): SessionStore {
  const { dir, sync = "data" } = typeof options === "string" ? { dir: options } : options;
  if (!SYNC_LEVELS.includes(sync)) {
    throw new SessionError("ERR_SESSION_CONFIG", 'fileStore: `sync` must be "none", "data" or "full"');
  }
  return openFileStore(openFolder(dir), { sync });
}
