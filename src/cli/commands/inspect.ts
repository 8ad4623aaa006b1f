import { readArguments, STORE_OPTIONS } from "../args.ts";
import type { Command, Context, OptionTable } from "../context.ts";
import { isStateless, type SessionStore } from "../../core/store.ts";
import type { SessionHandle } from "../../core/id.ts";
import { EXIT } from "../exit.ts";
import { printJson } from "../json.ts";
import { cookieNames } from "../cookie-names.ts";
import { openSealed, type Opened } from "../sealed.ts";
import { inspectionJson, printInspection, type Inspection } from "../inspection.ts";
import { lookUp } from "../stored.ts";
import { openTarget, type Target } from "../target.ts";
import { handleIn, sealedIn, typedText } from "../typed-session.ts";
import { lookUpDjango } from "../django/look.ts";
import { checkDjangoArguments, DJANGO_OPTIONS, djangoSettings } from "../django/options.ts";
import { openDjango } from "../django/source.ts";

const OPTIONS = {
  redact: { type: "boolean", help: "Hide values and the user; show what kind each value is, and how large." },
  keys: { type: "string", value: "NAME,NAME", help: "Show these keys of the data only." },
  ...DJANGO_OPTIONS,
  ...STORE_OPTIONS,
} as const satisfies OptionTable;

const USAGE = "sojourn inspect ID|HANDLE|COOKIE|-";

/** `sojourn inspect`: what a session's id, handle or cookie stands for. */
export const inspectCommand: Command = {
  name: "inspect",
  summary: "Show what a session's id, handle or cookie stands for, decoded",
  usage: [`${USAGE} [--redact] [--keys NAME,NAME]`],
  details: [
    "Takes the cookie's value, a handle from `sojourn list`, or a whole cookie pasted from a browser's tools or from curl; `-` reads it " +
      "from the standard input, so that it stays out of the shell's history. With a cookie store (`--store cookie:` and " +
      "SOJOURN_KEYS) it opens the value itself.",
    "With --django it shows one of Django's sessions, by its key, by a handle from `sojourn list --django`, or by the cookie.",
    "Exit code 0 for a live session, 3 for one that is missing, expired, ended or revoked, 4 for one that cannot be read.",
  ],
  options: OPTIONS,

  async run(argv, ctx) {
    const { options, positionals } = readArguments(argv, OPTIONS);
    checkDjangoArguments(options);
    const text = await typedText(ctx, positionals, USAGE);
    const keys = options.keys?.split(",").map((key) => key.trim());
    const { redact, json } = options;
    if (options.django !== undefined) {
      const settings = djangoSettings(ctx, options.django, options);
      const source = await openDjango(ctx, settings);
      try {
        const found = await lookUpDjango(source, settings, text);
        return await show(ctx, { ...found, store: source.label, redact, keys }, Date.now(), json);
      } finally {
        await source.close();
      }
    }
    const target = await openTarget(ctx, options, "look");
    try {
      const names = cookieNames(target.sessions.options, options["cookie-name"]);
      const found = isStateless(target.store)
        ? await openSealed(target.store, sealedIn(text, names), target.sessions.options)
        : await find(target, target.store, handleIn(text, names));
      const now = target.sessions.options.clock.now();
      return await show(ctx, { ...found, store: target.choice.label, redact, keys }, now, json);
    } finally {
      await target.close();
    }
  },
};

async function find({ sessions }: Target, store: SessionStore, handle: SessionHandle): Promise<Opened> {
  return { handle, stored: await lookUp(store, handle, sessions.options) };
}

async function show(ctx: Context, inspection: Inspection, now: number, json: boolean): Promise<number> {
  if (json) await printJson(ctx.out, inspectionJson(inspection));
  else await printInspection(ctx.out, inspection, now);
  const { state } = inspection.stored;
  if (state === "unreadable" || state === "tampered") return EXIT.unreadable;
  return state === "live" ? EXIT.ok : EXIT.notFound;
}
