import { grouped } from "./moments.ts";
import type { Output } from "./output.ts";

const BAR = 24;
const BLOCK = 6;
const LINE_EVERY_MS = 1000;

/** How far a sweep has come. */
export interface SweepState {
  readonly removed: number;
  readonly batches: number;
}

/**
 * Shows that a sweep moves: on a terminal a bar on one line; else now and then a plain line. How much is left no store tells, so the
 * bar's block wanders and fills nothing.
 */
export class Progress {
  readonly #out: Output;
  readonly #started = performance.now();
  #lastLine = Number.NEGATIVE_INFINITY;
  #drawn = false;

  constructor(out: Output) {
    this.#out = out;
  }

  /** Milliseconds since it began. */
  get elapsedMs(): number {
    return performance.now() - this.#started;
  }

  async show({ removed, batches }: SweepState): Promise<void> {
    if (!this.#out.isTerminal) {
      if (this.elapsedMs - this.#lastLine < LINE_EVERY_MS) return;
      this.#lastLine = this.elapsedMs;
      return this.#out.line(`${removed} removed`);
    }
    const { style } = this.#out;
    const rate = Math.round(removed / Math.max(0.001, this.elapsedMs / 1000));
    await this.#clear();
    await this.#out.write(`${style.cyan(bar(batches))} ${grouped(removed)} removed  ${style.dim(`${grouped(rate)}/s`)}`);
    this.#drawn = true;
  }

  /** Takes the bar away. */
  async end(): Promise<void> {
    if (this.#drawn) await this.#clear();
    this.#drawn = false;
  }

  async #clear(): Promise<void> {
    await this.#out.write("\r\u001B[K");
  }
}

function bar(step: number): string {
  const room = BAR - BLOCK;
  const phase = step % (2 * room);
  const at = phase <= room ? phase : 2 * room - phase;
  return `[${" ".repeat(at)}${"=".repeat(BLOCK)}${" ".repeat(room - at)}]`;
}
