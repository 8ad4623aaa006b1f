import { dirname, join } from "node:path";
import { SessionError } from "../../core/errors.ts";
import { newVersion } from "../../core/id.ts";
import type { Awaitable } from "../../core/store.ts";
import type { Disk } from "./disk.ts";
import { busy, failedWith, storeFailure } from "./failure.ts";
import { lockOf } from "./layout.ts";

/** How long a lock may stay the same, on the time of the one who waits, before it is taken from its holder. */
const TAKE_AFTER_MS = 200;
const GIVE_UP_AFTER_MS = 15_000;
const POLL_MS = 4;
/** What Linux, then POSIX, then Deno say of a folder that is unlinked like a file. */
const FOLDER = ["EISDIR", "EPERM", "ENOTEMPTY"];
/** What the system says of a folder that is renamed onto one that is not empty; Windows says it of any. */
const HELD = process.platform === "win32" ? ["ENOTEMPTY", "EEXIST", "EPERM"] : ["ENOTEMPTY", "EEXIST"];

interface Ticket {
  readonly token: string;
  /** The folder in which the ticket was prepared. */
  readonly staging: string;
}

/**
 * Compares and replaces one file, as one step between any number of processes on this machine.
 *
 * The new content is first written as `tmp/<token>/<token>`: the ticket. Renaming the ticket's folder to the file's
 * lock takes the lock: a folder is only ever renamed onto nothing or onto an empty folder, so there is one ticket at
 * most. Under the lock the file is compared, and then **the ticket itself is renamed onto the file**: the write and the
 * release are one system call.
 *
 * Nobody has to be trusted to be alive. Whoever waits too long unlinks the ticket in the lock, by its name, which is
 * used once: a holder that was killed is cleared away, and one that was only asleep finds its ticket gone when it
 * wakes, so that its late write fails in the kernel and it starts again. No process id, no host and no clock are
 * compared: taking a lock away too early costs its holder a retry and nothing else.
 *
 * A file that is removed is moved into its lock, into a ticket that is a folder; that move fails as well once the
 * ticket is gone.
 */
export class Guard {
  readonly #disk: Disk;
  readonly #tmp: string;
  readonly #takeAfterMs: number;

  constructor(disk: Disk, tmp: string, takeAfterMs: number = TAKE_AFTER_MS) {
    this.#disk = disk;
    this.#tmp = tmp;
    this.#takeAfterMs = takeAfterMs;
  }

  /** Makes a file that must not exist; false when it does. */
  async create(path: string, text: string): Promise<boolean> {
    const deadline = performance.now() + GIVE_UP_AFTER_MS;
    while (performance.now() <= deadline) {
      const temporary = join(this.#tmp, newVersion());
      let linking = false;
      try {
        await this.#disk.inFolder(this.#tmp, () => this.#disk.write(temporary, text));
        linking = true;
        await this.#disk.inFolder(dirname(path), () => this.#disk.link(temporary, path));
      } catch (error) {
        if (linking && failedWith(error, "EEXIST")) return false;
        if (this.#wasSwept(error)) continue;
        throw storeFailure(error, !linking);
      } finally {
        await quietly(this.#disk.unlink(temporary));
      }
      await this.#settle(path);
      return true;
    }
    throw busy();
  }

  /**
   * Puts `next` in the place of the file whose identity is `expected`; null stands for no file, on both sides. False
   * when the file is another by now, or when `holds` says under the lock that something else is.
   */
  async swap(
    path: string,
    expected: string | null,
    next: string | null,
    holds: () => Awaitable<boolean> = () => true,
  ): Promise<boolean> {
    const lock = lockOf(path);
    const deadline = performance.now() + GIVE_UP_AFTER_MS;
    while (performance.now() <= deadline) {
      const ticket = await this.#prepare(next);
      if (ticket === null) continue;
      let place = ticket.staging;
      let consumed = false;
      try {
        if (!(await this.#acquire(ticket, lock, deadline))) continue;
        place = lock;
        if (this.#disk.identity(path) !== expected || !(await holds())) return false;
        if (!(await this.#commit(path, join(lock, ticket.token), expected, next))) continue;
        consumed = expected !== null && next !== null;
      } finally {
        await quietly(consumed ? this.#disk.rmdir(lock) : this.#clear(place, ticket.token));
      }
      await this.#settle(path);
      return true;
    }
    throw busy();
  }

  /** Takes the lock of a file away from whoever holds it: what they were about to write will not be written. */
  async break(path: string): Promise<void> {
    const lock = lockOf(path);
    try {
      for (const token of await this.#disk.names(lock)) await this.#clear(lock, token);
    } catch (error) {
      throw storeFailure(error, true);
    }
  }

  /** Null when it was swept away at once. */
  async #prepare(next: string | null): Promise<Ticket | null> {
    const token = newVersion();
    const staging = join(this.#tmp, token);
    try {
      await this.#disk.inFolder(this.#tmp, () => this.#disk.mkdir(staging));
      if (next === null) await this.#disk.mkdir(join(staging, token));
      else await this.#disk.write(join(staging, token), next);
      return { token, staging };
    } catch (error) {
      await quietly(this.#clear(staging, token));
      if (this.#wasSwept(error)) return null;
      throw storeFailure(error, true);
    }
  }

  /** False when the ticket is gone. */
  async #acquire({ staging }: Ticket, lock: string, deadline: number): Promise<boolean> {
    let holder: string | undefined;
    let since = 0;
    try {
      for (;;) {
        try {
          await this.#disk.inFolder(dirname(lock), () => this.#disk.rename(staging, lock));
          return true;
        } catch (error) {
          if (failedWith(error, "ENOENT")) return false;
          if (!failedWith(error, ...HELD)) throw error;
        }
        const now = performance.now();
        if (now > deadline) throw busy();
        const [token] = await this.#disk.names(lock);
        if (token === undefined) await quietly(this.#disk.rmdir(lock));
        else if (token !== holder) [holder, since] = [token, now];
        else if (now - since > this.#takeAfterMs) await this.#clear(lock, token);
        await delay(1 + Math.random() * POLL_MS);
      }
    } catch (error) {
      throw storeFailure(error, true);
    }
  }

  /** False when the lock was taken away, or when the file is another than expected after all. */
  async #commit(path: string, ticket: string, expected: string | null, next: string | null): Promise<boolean> {
    try {
      if (next === null) await this.#disk.rename(path, join(ticket, "removed"));
      else if (expected === null) await this.#disk.link(ticket, path);
      else await this.#disk.rename(ticket, path);
      return true;
    } catch (error) {
      if (failedWith(error, "ENOENT", "EEXIST")) return false;
      throw storeFailure(error, false);
    }
  }

  /** Removes a ticket, and its folder if nothing else is in it. */
  async #clear(folder: string, token: string): Promise<void> {
    const ticket = join(folder, token);
    try {
      await this.#disk.unlink(ticket);
    } catch (error) {
      if (failedWith(error, ...FOLDER)) await this.#clearFolder(ticket);
      else if (!failedWith(error, "ENOENT")) throw error;
    }
    await quietly(this.#disk.rmdir(folder));
  }

  async #clearFolder(ticket: string): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      for (const name of await this.#disk.names(ticket)) await quietly(this.#disk.unlink(join(ticket, name)));
      try {
        return await this.#disk.rmdir(ticket);
      } catch (error) {
        if (failedWith(error, "ENOENT")) return;
        // Not empty: the holder has moved its file in after all.
        if (attempt > 0 || !failedWith(error, "ENOTEMPTY", "EEXIST")) throw error;
      }
    }
  }

  /** True when what was being prepared is gone, and the folder for it is not: to a sweep in another process it looked old. */
  #wasSwept(error: unknown): boolean {
    return failedWith(error, "ENOENT") && this.#disk.exists(this.#tmp);
  }

  async #settle(path: string): Promise<void> {
    try {
      await this.#disk.settle(dirname(path));
    } catch {
      throw new SessionError("ERR_SESSION_STORE", "The file store could not write its folder through to the disk");
    }
  }
}

/** For what only tidies up: the sweep does it again. */
async function quietly(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch {
    // Whatever is left does no harm.
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
