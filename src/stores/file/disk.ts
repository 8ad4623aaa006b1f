import type fs from "node:fs";
import { dirname } from "node:path";
import { isSessionError } from "../../core/errors.ts";
import type { Awaitable } from "../../core/store.ts";
import { failedWith, storeFailure, unreadable } from "./failure.ts";

/** What a write waits for. */
export type SyncLevel = "none" | "data" | "full";

/** Called before each change on the disk, with its name: where tests stop or kill a process. */
export type Step = (name: string) => Awaitable<void>;

/** A file as it was read. */
export interface FileState {
  /** Differs between any two states of a file. */
  readonly identity: string;
  readonly content: Buffer;
}

const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o600;

const HEAD_BYTES = 4096;
/**
 * A file up to this size is read at once: from the system's cache that takes microseconds, a trip to another thread
 * many more.
 */
const READ_AT_ONCE_BYTES = 65_536;
const NEWLINE = 0x0a;

/** The file system as the store uses it: private modes, no symbolic links followed, and a step before each change. */
export class Disk {
  // Asked for at run time: a static import would cost every program that imports the package milliseconds at its start.
  readonly #fs = process.getBuiltinModule("node:fs");
  readonly #flags = flagsFrom(this.#fs.constants);
  readonly #root: string;
  readonly #sync: SyncLevel;
  readonly #step: Step;
  readonly #folders = new Set<string>();

  constructor(root: string, sync: SyncLevel, step: Step = () => {}) {
    this.#root = root;
    this.#sync = sync;
    this.#step = step;
  }

  /**
   * A whole file, or null when there is none. @throws {SessionError} `ERR_SESSION_UNREADABLE` for what is no plain file
   */
  async read(path: string): Promise<FileState | null> {
    const file = this.#open(path);
    if (file === null) return null;
    try {
      const content = file.size <= READ_AT_ONCE_BYTES ? this.#fs.readFileSync(file.fd) : await this.#readAway(file.fd);
      return { identity: identify(content, content.length), content };
    } catch (error) {
      throw storeFailure(error, true);
    } finally {
      this.#fs.closeSync(file.fd);
    }
  }

  /** The beginning of a file, or null when there is none. Throws as `read` does. */
  head(path: string): FileState | null {
    const file = this.#open(path);
    if (file === null) return null;
    try {
      const buffer = Buffer.allocUnsafe(Math.min(file.size, HEAD_BYTES));
      const content = buffer.subarray(0, this.#fs.readSync(file.fd, buffer));
      return { identity: identify(content, file.size), content };
    } catch (error) {
      throw storeFailure(error, true);
    } finally {
      this.#fs.closeSync(file.fd);
    }
  }

  /** The identity of whatever stands at `path`, readable or not; null for nothing. */
  identity(path: string): string | null {
    try {
      return this.head(path)?.identity ?? null;
    } catch (error) {
      if (!isSessionError(error, "ERR_SESSION_UNREADABLE")) throw error;
      const info = this.#info(path);
      return info === undefined ? null : `no plain file: ${info.ino}`;
    }
  }

  /** The names in a folder; none when it is not there. */
  async names(folder: string): Promise<string[]> {
    try {
      return await this.#fs.promises.readdir(folder);
    } catch (error) {
      if (failedWith(error, "ENOENT") && this.exists(this.#root)) return [];
      throw storeFailure(error, true);
    }
  }

  /** Whether anything stands at `path`. */
  exists(path: string): boolean {
    return this.#info(path) !== undefined;
  }

  /** When something last changed, on the file system's clock; null when it is not there. */
  async changedAt(path: string): Promise<number | null> {
    try {
      return (await this.#fs.promises.lstat(path)).mtimeMs;
    } catch (error) {
      if (failedWith(error, "ENOENT", "ENOTDIR")) return null;
      throw storeFailure(error, true);
    }
  }

  /** Writes a new private file, as durably as the store was asked to. */
  async write(path: string, text: string): Promise<void> {
    await this.#step("open");
    const file = await this.#fs.promises.open(path, this.#flags.write, PRIVATE_FILE);
    try {
      await this.#step("write");
      if (text !== "") await file.writeFile(text);
      await this.#step("sync");
      if (this.#sync !== "none" && text !== "") await file.datasync();
    } finally {
      await file.close();
    }
  }

  async link(from: string, to: string): Promise<void> {
    await this.#step("link");
    await this.#fs.promises.link(from, to);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#step("rename");
    await this.#fs.promises.rename(from, to);
  }

  async unlink(path: string): Promise<void> {
    await this.#step("unlink");
    await this.#fs.promises.unlink(path);
  }

  async mkdir(path: string): Promise<void> {
    await this.#step("mkdir");
    await this.#fs.promises.mkdir(path, { mode: PRIVATE_FOLDER });
  }

  async rmdir(path: string): Promise<void> {
    await this.#step("rmdir");
    await this.#fs.promises.rmdir(path);
  }

  /** Removes a file, or a folder with what is in it, without a step. */
  async remove(path: string): Promise<void> {
    await this.#fs.promises.rm(path, { recursive: true, force: true });
  }

  /** With `sync: "full"`, waits until a folder's own entries are on the disk. */
  async settle(folder: string): Promise<void> {
    if (this.#sync !== "full") return;
    await this.#step("settle");
    const handle = await this.#fs.promises.open(folder, this.#fs.constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** Does something in a folder that may have to be made first, with those above it up to the store's own. */
  async inFolder<T>(folder: string, action: () => Promise<T>): Promise<T> {
    try {
      if (this.#folders.has(folder)) return await action();
    } catch (error) {
      if (!failedWith(error, "ENOENT") || this.exists(folder)) throw error;
    }
    await this.#make(folder);
    this.#folders.add(folder);
    return action();
  }

  async #make(folder: string): Promise<void> {
    try {
      await this.mkdir(folder);
      await this.settle(dirname(folder));
    } catch (error) {
      if (failedWith(error, "EEXIST")) return this.#checkFolder(folder);
      // The store's own folder was there when it was opened: whoever removed it has to put it back.
      if (!failedWith(error, "ENOENT") || dirname(folder) === this.#root) throw error;
      await this.#make(dirname(folder));
      await this.#make(folder);
    }
  }

  #checkFolder(folder: string): void {
    if (this.#info(folder)?.isDirectory() === true) return;
    throw Object.assign(new Error("not a folder"), { code: "ENOTDIR" });
  }

  /** On another thread. */
  #readAway(fd: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#fs.readFile(fd, (error, content) => {
        if (error) reject(error);
        else resolve(content);
      });
    });
  }

  #info(path: string): fs.Stats | undefined {
    try {
      return this.#fs.lstatSync(path, { throwIfNoEntry: false });
    } catch (error) {
      throw storeFailure(error, true);
    }
  }

  #open(path: string): { readonly fd: number; readonly size: number } | null {
    const folder = dirname(path);
    try {
      if (!this.#folders.has(folder) && this.exists(folder)) {
        this.#checkFolder(folder);
        this.#folders.add(folder);
      }
      const fd = this.#fs.openSync(path, this.#flags.read);
      const info = this.#fs.fstatSync(fd);
      if (info.isFile()) return { fd, size: info.size };
      this.#fs.closeSync(fd);
    } catch (error) {
      // Without the store's own folder nothing is known to be missing: the disk may not be mounted.
      if (failedWith(error, "ENOENT") && this.exists(this.#root)) return null;
      if (!failedWith(error, "ELOOP", "EMLINK", "ENXIO")) throw storeFailure(error, true);
    }
    throw unreadable();
  }
}

/** How files are opened: never through a link, and never waiting for the other end of a pipe. Windows has neither flag. */
function flagsFrom(constants: Readonly<Partial<typeof fs.constants>>): { readonly read: number; readonly write: number } {
  const { O_RDONLY = 0, O_WRONLY = 0, O_CREAT = 0, O_EXCL = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  return { read: O_RDONLY | O_NOFOLLOW | O_NONBLOCK, write: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW };
}

function identify(content: Buffer, size: number): string {
  const end = content.indexOf(NEWLINE);
  const head = content.subarray(0, Math.min(end === -1 ? content.length : end, HEAD_BYTES));
  return `${size}:${head.toString("latin1")}`;
}
