const TICK_MS = 1000;
const SLOTS = 16;
/** One more than the seconds that are to pass, as a call begins anywhere in its second. */
const SILENT_TICKS = 11;

/**
 * Tells when calls get no reply for ten or eleven seconds, and goes on telling so, each second, until they do. It counts the calls of each
 * second, as a timer for each call would be made and ended again by nearly all of them.
 */
export class Silence {
  readonly #silent: () => void;
  /** How many calls of a second are not answered; those of sixteen seconds ago and before are counted with the youngest. */
  readonly #waiting: number[] = Array.from({ length: SLOTS }, () => 0);
  #all = 0;
  #second = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** @param silent called while there is a call without a reply for so long */
  constructor(silent: () => void) {
    this.#silent = silent;
  }

  /** Notes that a call begins. Gives what {@link Silence.answered} is to be told. */
  asked(): number {
    const slot = this.#second % SLOTS;
    this.#count(slot, 1);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
    return slot;
  }

  /** Notes that a call is over, however it ended. */
  answered(slot: number): void {
    this.#count(slot, -1);
  }

  /** Tells nothing any more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #count(slot: number, change: 1 | -1): void {
    this.#waiting[slot] = (this.#waiting[slot] ?? 0) + change;
    this.#all += change;
  }

  #tick(): void {
    this.#second++;
    // Only now: calls come and go all the time.
    if (this.#all === 0) return this.stop();
    for (let age = SILENT_TICKS; age < SLOTS; age++) {
      if ((this.#waiting[(this.#second - age + SLOTS) % SLOTS] ?? 0) > 0) return this.#silent();
    }
  }
}
