import { newEntryName } from "./id.ts";
import type { FlashNote } from "./payload.ts";
import { whenSettled } from "./settled.ts";
import type { SessionWork } from "./work.ts";

/** A message for the next page. */
export interface FlashEntry {
  /** The message: text, or anything else that the session's codec carries. */
  readonly message: unknown;
  /** `info`, `error` or whatever the application uses. */
  readonly level?: string;
}

/**
 * Messages for the next page. Entries that parallel requests add all survive; none is removed by a response of 500 or more, nor by a
 * prefetch.
 */
export class Flash {
  readonly #work: SessionWork;
  readonly #prefetch: boolean;
  readonly #peeked = new Set<string>();
  #taken: Record<string, FlashNote> = {};
  #unsettled: SessionWork["notes"] | undefined;

  constructor(work: SessionWork, prefetch: boolean) {
    this.#work = work;
    this.#prefetch = prefetch;
  }

  /** Adds an entry. It is stored with the response. */
  async add(message: unknown, level?: string): Promise<void> {
    const work = this.#work;
    // In one task, so that what commits next finds it.
    await work.serial(() =>
      whenSettled(work.load(), () => {
        const note: FlashNote = { message, at: work.engine.options.clock.now(), ...(level === undefined ? {} : { level }) };
        work.setNotes({ flash: { ...work.notes.flash, [newEntryName()]: note } });
      }),
    );
  }

  /**
   * The entries, oldest first. They are removed when the response is committed; two pages that load at the same moment may both
   * show them.
   *
   * @throws {SessionError} ERR_SESSION_NOT_LOADED
   */
  peek(): readonly FlashEntry[] {
    this.#work.requireLoaded();
    const notes = this.#work.notes.flash ?? {};
    for (const name of Object.keys(notes)) this.#peeked.add(name);
    return entriesOf(notes);
  }

  /** Removes the entries and gives them, oldest first: each to exactly one request, however many ask. Stored when it resolves. */
  async take(): Promise<readonly FlashEntry[]> {
    const work = this.#work;
    return work.serial(async () => {
      await work.load();
      if (this.#prefetch || (work.status !== "live" && work.status !== "new")) return entriesOf(work.notes.flash ?? {});
      let taken: Readonly<Record<string, FlashNote>> = {};
      await work.update((content) => {
        const { flash = {}, ...notes } = content.notes;
        taken = flash;
        return { ...content, notes };
      });
      this.#taken = { ...this.#taken, ...taken };
      return entriesOf(taken);
    });
  }

  /** Removes what was shown, before a response that counts. */
  settle(): void {
    const { flash } = this.#work.notes;
    if (this.#prefetch || flash === undefined || this.#peeked.size === 0) return;
    this.#unsettled = this.#work.notes;
    const left = Object.entries(flash).filter(([name]) => !this.#peeked.has(name));
    this.#work.setNotes({ flash: left.length === 0 ? undefined : Object.fromEntries(left) });
  }

  /** Takes back {@link settle}: what was shown will be shown again. */
  unsettle(): void {
    if (this.#unsettled !== undefined) this.#work.notes = this.#unsettled;
    this.#unsettled = undefined;
  }

  /**
   * Gives back what was taken, when the response failed and nobody saw it: to the session it was taken from, and nothing else with it.
   */
  async giveBack(): Promise<void> {
    const taken = this.#taken;
    if (Object.keys(taken).length === 0) return;
    this.#taken = {};
    if (this.#work.ended || this.#work.status !== "live") return;
    this.#work.revert();
    await this.#work.update((content) => ({
      ...content,
      notes: { ...content.notes, flash: { ...taken, ...content.notes.flash } },
    }));
  }
}

function entriesOf(notes: Readonly<Record<string, FlashNote>>): readonly FlashEntry[] {
  const sorted = Object.values(notes).sort((a, b) => a.at - b.at);
  return sorted.map(({ message, level }) => (level === undefined ? { message } : { message, level }));
}
