import type { SessionStore } from "../../../src/core/store.ts";
import type { Disk } from "./plain-store.ts";

/** A store that is broken in one way, and the promises that it breaks. */
export interface Fault {
  readonly name: string;
  readonly Store: new (disk: Disk) => SessionStore;
  /** The rules of the kit that must catch it, by name. */
  readonly caughtBy: readonly string[];
}
