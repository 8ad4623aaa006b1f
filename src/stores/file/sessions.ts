import type { SessionHandle } from "../../core/id.ts";
import type { SessionRecord } from "../../core/record.ts";
import type { Disk } from "./disk.ts";
import { encodeLive, parseStored, type Rotation, type Stored } from "./format.ts";
import type { Guard } from "./guard.ts";
import type { Layout } from "./layout.ts";

type Live = Extract<Stored, { state: "live" }>;
type Retired = Extract<Stored, { state: "retired" }>;

/**
 * What is in the place of a session. `pending` is a record of a rotation that has not happened, and counts as missing
 * but for its handle, which is taken.
 */
export type Found =
  | { readonly status: "missing" }
  | { readonly status: "live"; readonly identity: string; readonly record: SessionRecord }
  | { readonly status: "pending"; readonly identity: string; readonly record: SessionRecord }
  | ({ readonly status: "retired"; readonly identity: string } & Omit<Retired, "state">);

/** The files of sessions, and what they mean. */
export class Sessions {
  readonly layout: Layout;
  readonly #disk: Disk;
  readonly #guard: Guard;

  constructor(layout: Layout, disk: Disk, guard: Guard) {
    this.layout = layout;
    this.#disk = disk;
    this.#guard = guard;
  }

  /** @throws {SessionError} `ERR_SESSION_UNREADABLE` when a file is there and cannot be read */
  async find(handle: SessionHandle): Promise<Found> {
    const path = this.layout.session(handle);
    for (;;) {
      const file = await this.#disk.read(path);
      if (file === null) return { status: "missing" };
      const { identity } = file;
      const stored = parseStored(file.content, handle);
      if (stored.state === "retired") return { status: "retired", identity, ...stored };
      if (await this.#hasHappened(stored, handle)) return { status: "live", identity, record: stored.record };
      // The tombstone that it waits for may just have been swept, and this file settled before that.
      if (this.#disk.identity(path) === identity) return { status: "pending", identity, record: stored.record };
    }
  }

  /**
   * Makes the record of a rotation stand by itself, before the tombstone that says that the rotation has happened goes.
   */
  async settle({ handle, mark }: Rotation): Promise<void> {
    const path = this.layout.session(handle);
    for (;;) {
      const file = await this.#disk.read(path);
      if (file === null) return;
      const stored = parseStored(file.content, handle);
      if (stored.state !== "live" || stored.rotation?.mark !== mark) return;
      if (await this.#guard.swap(path, file.identity, encodeLive(stored.record))) return;
    }
  }

  async #hasHappened({ rotation }: Live, handle: SessionHandle): Promise<boolean> {
    if (rotation === null) return true;
    const file = await this.#disk.read(this.layout.session(rotation.handle));
    if (file === null) return false;
    const old = parseStored(file.content, rotation.handle);
    return old.state === "retired" && old.rotation?.mark === rotation.mark && old.rotation.handle === handle;
  }
}
