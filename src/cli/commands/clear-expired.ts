import { setImmediate } from "node:timers/promises";
import { readArguments, refusePositionals, STORE_OPTIONS, wholeNumber } from "../args.ts";
import type { Command, OptionTable } from "../context.ts";
import { isStateless, type SessionStore } from "../../core/store.ts";
import { EXIT } from "../exit.ts";
import { printJson } from "../json.ts";
import { counted } from "../moments.ts";
import { Progress, type SweepState } from "../progress.ts";
import { openTarget } from "../target.ts";
import { SessionError } from "../../core/errors.ts";
import type { ResolvedOptions } from "../../core/options.ts";

const OPTIONS = {
  batch: { type: "string", value: "N", help: "Records to a batch. Default 1000." },
  ...STORE_OPTIONS,
} as const satisfies OptionTable;

type Signal = "SIGINT" | "SIGTERM";

/** `sojourn clear-expired`: removes what has expired. */
export const clearExpiredCommand: Command = {
  name: "clear-expired",
  summary: "Remove expired sessions, batch by batch",
  usage: ["sojourn clear-expired [--batch N]"],
  details: [
    "For a timer, once an hour or a day. It may run on several machines at once, and beside the application: each batch is one short " +
      "step of the store's. Ctrl-C (or SIGTERM) stops it between two batches, with exit code 130 (143); what was removed is removed, " +
      "and the next run goes on. A second Ctrl-C ends it at once.",
  ],
  options: OPTIONS,

  async run(argv, ctx) {
    const { options, positionals } = readArguments(argv, OPTIONS);
    refusePositionals(positionals, "clear-expired");
    const batch = options.batch === undefined ? 1000 : wholeNumber("batch", options.batch, 1);
    const { sessions, store, close } = await openTarget(ctx, options, "change");
    let stoppedBy: Signal | undefined;
    const restore = ctx.onInterrupt((signal) => (stoppedBy ??= signal));
    const progress = new Progress(ctx.err);
    try {
      const state = isStateless(store)
        ? { removed: 0, batches: 0 }
        : await sweep(store, sessions.options, batch, async (soFar) => {
            if (!options.json) await progress.show(soFar);
            return stoppedBy === undefined;
          });
      await progress.end();
      if (options.json) await printJson(ctx.out, { ...state, interrupted: stoppedBy !== undefined });
      else await ctx.out.line(sentence(state, progress.elapsedMs, stoppedBy));
      return exitOf(stoppedBy);
    } finally {
      await progress.end();
      restore();
      await close();
    }
  },
};

/** Batch after batch until nothing is left or `goOn` says no; between two of them signals get their turn. */
async function sweep(
  store: SessionStore,
  { clock, clockSkewSeconds }: ResolvedOptions,
  batch: number,
  goOn: (state: SweepState) => Promise<boolean>,
): Promise<SweepState> {
  if (store.clearExpired === undefined) {
    throw new SessionError("ERR_SESSION_UNSUPPORTED", `The store \`${store.name}\` cannot clear expired sessions`);
  }
  const before = clock.now() - clockSkewSeconds * 1000;
  const state = { removed: 0, batches: 0 };
  for (;;) {
    const removed = await store.clearExpired({ before, limit: batch });
    state.removed += removed;
    state.batches++;
    // An embedded store answers at once, and would never let a signal in.
    await setImmediate();
    if (!(await goOn(state)) || removed < batch) return state;
  }
}

function sentence({ removed, batches }: SweepState, elapsedMs: number, stoppedBy: Signal | undefined): string {
  const what = counted(removed, "expired session or tombstone", "expired sessions and tombstones");
  const text = `Removed ${what} in ${counted(batches, "batch", "batches")} (${(elapsedMs / 1000).toFixed(1)} s).`;
  return stoppedBy === undefined ? text : `${text} Stopped by ${stoppedBy}; the next run goes on from here.`;
}

function exitOf(stoppedBy: Signal | undefined): number {
  if (stoppedBy === undefined) return EXIT.ok;
  return stoppedBy === "SIGINT" ? EXIT.interrupted : EXIT.terminated;
}
