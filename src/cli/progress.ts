import type { SweepProgress } from "../core/sweep.ts";
import { grouped } from "./moments.ts";
import type { Output } from "./output.ts";

const BAR = 24;
const BLOCK = 6;
const LINE_EVERY_MS = 1000;

/**
 * Shows that something moves: on a terminal a bar on one line; else now and then a plain line. How much is left to sweep no store tells,
 * so that bar's block wanders and fills nothing.
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

  async show({ removed, batches }: SweepProgress): Promise<void> {
    await this.#tell(removed, "removed", wandering(batches));
  }

  /** Shows how many of a known number were read: this bar fills. */
  async fill(read: number, total: number): Promise<void> {
    await this.#tell(read, `of ${grouped(Math.max(read, total))} read`, filling(read, total));
  }

  /** Takes the bar away. */
  async end(): Promise<void> {
    if (this.#drawn) await this.#clear();
    this.#drawn = false;
  }

  async #tell(count: number, what: string, bar: string): Promise<void> {
    if (!this.#out.isTerminal) {
      if (this.elapsedMs - this.#lastLine < LINE_EVERY_MS) return;
      this.#lastLine = this.elapsedMs;
      return this.#out.line(`${count} ${what}, ${this.#rate(count)}/s`);
    }
    const { style } = this.#out;
    await this.#clear();
    await this.#out.write(`${style.cyan(bar)} ${grouped(count)} ${what}  ${style.dim(`${grouped(this.#rate(count))}/s`)}`);
    this.#drawn = true;
  }

  #rate(removed: number): number {
    return Math.round(removed / Math.max(0.001, this.elapsedMs / 1000));
  }

  async #clear(): Promise<void> {
    await this.#out.write("\r\u001B[K");
  }
}

function wandering(step: number): string {
  const room = BAR - BLOCK;
  const phase = step % (2 * room);
  const at = phase <= room ? phase : 2 * room - phase;
  return `[${" ".repeat(at)}${"=".repeat(BLOCK)}${" ".repeat(room - at)}]`;
}

function filling(done: number, total: number): string {
  const filled = total <= 0 ? BAR : Math.min(BAR, Math.floor((done / total) * BAR));
  return `[${"=".repeat(filled)}${" ".repeat(BAR - filled)}]`;
}
