import type { Failure } from "./driver.ts";

/** What the names of the sessions that a schedule begins with begin with. */
export const ROOT = "first session ";

/** How a write stands: `pending` until its request was answered, and for ever when its process crashed. */
export type State = "pending" | "stored" | Failure;

/** A mark that somebody wrote. */
export interface Write {
  readonly kind: "mark" | "log" | "count";
  readonly mark: string;
  readonly lineage: string;
  state: State;
}

/** A login, a new id, or the end of a session, or of all of a user's. */
export interface Event {
  readonly what: "login" | "cycle" | "end" | "revoke user";
  /** The session; for a revoked user the one that was kept, if any. */
  readonly lineage: string | undefined;
  /** The id that was ended. */
  readonly id?: string | undefined;
  readonly userId?: string;
  /** True for what was so when the schedule began. */
  readonly initial?: boolean;
  readonly began: number;
  acknowledged: number | undefined;
  state: State;
}

/** What the clients of a schedule were told. */
export class Ledger {
  readonly writes: Write[] = [];
  readonly events: Event[] = [];
  /** What clients saw that must not be, whatever the end looks like. */
  readonly violations: string[] = [];
  /** Sessions that clients were told are stored. */
  readonly lineages = new Set<string>();
  /** Every id that a client was ever given, and its session. */
  readonly ids = new Map<string, string>();
  #moment = 0;
  #names = 0;

  /** A name that is new. */
  fresh(prefix: string): string {
    return `${prefix}${++this.#names}`;
  }

  write(kind: Write["kind"], mark: string, lineage: string): Write {
    const write: Write = { kind, mark, lineage, state: "pending" };
    this.writes.push(write);
    return write;
  }

  begin(event: Pick<Event, "what" | "lineage"> & Partial<Pick<Event, "id" | "userId" | "initial">>): Event {
    const begun: Event = { ...event, began: ++this.#moment, acknowledged: undefined, state: "pending" };
    this.events.push(begun);
    return begun;
  }

  acknowledge(event: Event): void {
    event.state = "stored";
    event.acknowledged = ++this.#moment;
  }

  violation(message: string): void {
    this.violations.push(message);
  }
}
