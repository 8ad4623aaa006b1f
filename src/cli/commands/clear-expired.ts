import { readArguments, refusePositionals, share, STORE_OPTIONS, wholeNumber } from "../args.ts";
import type { Command, Context, OptionTable } from "../context.ts";
import { accessOf, type Sessions } from "../../core/sessions.ts";
import { isStateless } from "../../core/store.ts";
import { SWEEP_DEFAULTS, type SweepReport, type SweepTask } from "../../core/sweep.ts";
import { EXIT } from "../exit.ts";
import { printJson } from "../json.ts";
import { counted, grouped, span } from "../moments.ts";
import { Progress } from "../progress.ts";
import { openTarget } from "../target.ts";

const OPTIONS = {
  batch: { type: "string", value: "N", help: "The most records to a batch. Default 1000." },
  duty: { type: "string", value: "SHARE", help: "Keep the store busy for this share of the time. Default 0.5; 1: no rest." },
  "max-seconds": { type: "string", value: "N", help: "Stop after so long. Default: go on to the end." },
  "no-lease": { type: "boolean", help: "Sweep although another machine does." },
  ...STORE_OPTIONS,
} as const satisfies OptionTable;

/** Who ended a sweep before its end: a signal, or the time that it was given. */
type Stopper = "SIGINT" | "SIGTERM" | "time";

/** `sojourn clear-expired`: removes what has expired. */
export const clearExpiredCommand: Command = {
  name: "clear-expired",
  summary: "Remove expired sessions, batch by batch",
  usage: ["sojourn clear-expired [--batch N] [--duty SHARE] [--max-seconds N] [--no-lease]"],
  details: [
    "For a timer, once an hour or a day. It may run on every machine at once, and beside the application: each batch is one short " +
      "step of the store's, the store rests in between, and of many machines one sweeps, while the others say so and end with 0.",
    "Ctrl-C (or SIGTERM) stops it between two batches, with exit code 130 (143); what was removed is removed, and the next run goes " +
      "on. A second Ctrl-C ends it at once.",
  ],
  options: OPTIONS,

  async run(argv, ctx) {
    const { options, positionals } = readArguments(argv, OPTIONS);
    refusePositionals(positionals, "clear-expired");
    const batch = options.batch === undefined ? SWEEP_DEFAULTS.batch : wholeNumber("batch", options.batch, 1);
    const duty = options.duty === undefined ? DUTY : share("duty", options.duty);
    const { "max-seconds": most, "no-lease": alone } = options;
    const maxSeconds = most === undefined ? undefined : wholeNumber("max-seconds", most, 1);
    const { sessions, store, close } = await openTarget(ctx, options, "change");
    const stop = newStop(ctx, maxSeconds);
    const progress = new Progress(ctx.err);
    try {
      const report = isStateless(store)
        ? NOTHING
        : await accessOf(sessions as unknown as Sessions<never>).sweep({
            batch,
            duty,
            lease: alone ? undefined : LEASE,
            signal: stop.signal,
            background: false,
            onBatch: async (soFar) => {
              if (!options.json) await progress.show(soFar);
            },
          });
      await progress.end();
      const { status, removed, batches } = report;
      const lagSeconds = lagOf(report, sessions);
      // Told to stop when nothing was left to do, it was not stopped.
      const by = status === "stopped" ? stop.by() : undefined;
      const code = exitOf(by);
      if (options.json) await printJson(ctx.out, { status, removed, batches, interrupted: code !== EXIT.ok, lagSeconds });
      else await ctx.out.line(sentence(report, progress.elapsedMs, by, lagSeconds));
      return code;
    } finally {
      await progress.end();
      stop.restore();
      await close();
    }
  },
};

const NOTHING: SweepReport = { status: "complete", removed: 0, batches: 0, before: null };
// This process has nothing else to do, so that an embedded store need not be left alone for its sake.
const DUTY = 0.5;
const LEASE: NonNullable<SweepTask["lease"]> = { leaseMs: SWEEP_DEFAULTS.leaseSeconds * 1000, freshMs: 0 };

interface Stop {
  readonly signal: AbortSignal;
  by(): Stopper | undefined;
  restore(): void;
}

function newStop(ctx: Context, maxSeconds: number | undefined): Stop {
  const controller = new AbortController();
  let by: Stopper | undefined;
  const stop = (stopper: Stopper): void => {
    by ??= stopper;
    controller.abort();
  };
  const restore = ctx.onInterrupt(stop);
  const timer =
    maxSeconds === undefined ? undefined : setTimeout(() => stop("time"), Math.min(maxSeconds * 1000, 2 ** 31 - 1));
  return {
    signal: controller.signal,
    by: () => by,
    restore() {
      clearTimeout(timer);
      restore();
    },
  };
}

function lagOf({ before }: SweepReport, { options }: Sessions): number | null {
  return before === null ? null : Math.max(0, options.clock.now() - before) / 1000;
}

function sentence(
  { status, removed, batches }: SweepReport,
  elapsedMs: number,
  by: Stopper | undefined,
  lagSeconds: number | null,
): string {
  const last = lagSeconds === null ? "No complete sweep is known." : `The last complete sweep was ${span(lagSeconds)} ago.`;
  if (status === "busy") return `Another machine sweeps this store, so nothing was done here. ${last}`;
  const what = counted(removed, "expired session or tombstone", "expired sessions and tombstones");
  const rate = elapsedMs < 1000 ? "" : `, ${grouped(Math.round(removed / (elapsedMs / 1000)))} a second`;
  const text = `Removed ${what} in ${counted(batches, "batch", "batches")} (${(elapsedMs / 1000).toFixed(1)} s${rate}).`;
  if (status === "complete") return text;
  const why = by === undefined ? "Another machine took over" : `Stopped by ${by === "time" ? "`--max-seconds`" : by}`;
  return `${text} ${why}; the next run goes on from here. ${last}`;
}

function exitOf(by: Stopper | undefined): number {
  if (by === "SIGINT") return EXIT.interrupted;
  return by === "SIGTERM" ? EXIT.terminated : EXIT.ok;
}
