import { readArguments, refusePositionals, STORE_OPTIONS, wholeNumber } from "../args.ts";
import type { Command, Context, OptionTable } from "../context.ts";
import type { ListedSession, Sessions } from "../../core/sessions.ts";
import { isSessionHandle, type SessionHandle } from "../../core/id.ts";
import { isStateless } from "../../core/store.ts";
import { CliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { printJsonLine } from "../json.ts";
import { listedJson, SessionTable } from "../session-table.ts";
import { openTarget } from "../target.ts";
import { listDjango } from "../django/look.ts";
import { checkDjangoArguments, DJANGO_OPTIONS, djangoSettings } from "../django/options.ts";
import { openDjango } from "../django/source.ts";

const OPTIONS = {
  user: { type: "string", short: "u", value: "USER", help: "Only this user's sessions, newest first." },
  limit: { type: "string", short: "n", value: "N", help: "At most N sessions. Default: all." },
  after: { type: "string", value: "HANDLE", help: "Begin behind this handle: the next page." },
  redact: { type: "boolean", help: "Hide values and users; show what kind each value is, and how large." },
  ...DJANGO_OPTIONS,
  ...STORE_OPTIONS,
} as const satisfies OptionTable;

/** `sojourn list`: the live sessions. */
export const listCommand: Command = {
  name: "list",
  summary: "List the live sessions, or those of one user",
  usage: ["sojourn list [--user USER] [--limit N] [--after HANDLE] [--redact]"],
  details: [
    "In the order of the handles; they open nothing in a browser, and `inspect` and `revoke` take them. Without a terminal, one " +
      "line a session with tabs between handle, user, created, expires, bytes and data; with --json, one JSON object a line.",
    "With --django: those of a Django project's table or files, in the order of their keys, which are not shown.",
  ],
  options: OPTIONS,

  async run(argv, ctx) {
    const { options, positionals } = readArguments(argv, OPTIONS);
    refusePositionals(positionals, "list");
    const { user, after, redact, json } = options;
    const limit = options.limit === undefined ? Number.POSITIVE_INFINITY : wholeNumber("limit", options.limit, 1);
    checkDjangoArguments(options);
    if (options.django === undefined && after !== undefined && user !== undefined) {
      throw new CliError("ERR_CLI_ARGUMENTS", "--after is for the list of all sessions, not for a user's");
    }
    if (after !== undefined && !isSessionHandle(after)) {
      throw new CliError("ERR_CLI_OPTION_VALUE", "--after must be a handle as `sojourn list` shows it");
    }
    if (options.django !== undefined) {
      const settings = djangoSettings(ctx, options.django, options);
      const source = await openDjango(ctx, settings);
      try {
        const found = listDjango(source, settings, { user, after });
        const shown = await print(ctx, found, { limit, redact, json, now: Date.now() });
        if (!json) await ctx.err.line(ending(ctx, shown, limit, source.label));
        return EXIT.ok;
      } finally {
        await source.close();
      }
    }
    const { sessions, store, choice, close } = await openTarget(ctx, options, "look");
    try {
      if (isStateless(store)) throw new CliError("ERR_CLI_STORE_STATELESS");
      const found = sessionsOf(sessions, user, after, limit);
      const shown = await print(ctx, found, { limit, redact, json, now: sessions.options.clock.now() });
      if (!json) await ctx.err.line(ending(ctx, shown, limit, choice.label));
      return EXIT.ok;
    } finally {
      await close();
    }
  },
};

async function* sessionsOf(
  sessions: Sessions,
  user: string | undefined,
  after: SessionHandle | undefined,
  limit: number,
): AsyncGenerator<ListedSession, void> {
  if (user !== undefined) return yield* await sessions.ofUser(user);
  yield* sessions.list({ batch: Math.min(limit, 100), ...(after === undefined ? {} : { after }) });
}

interface Printing {
  readonly limit: number;
  readonly redact: boolean;
  readonly json: boolean;
  readonly now: number;
}

async function print(
  ctx: Context,
  found: AsyncIterable<ListedSession>,
  { limit, redact, json, now }: Printing,
): Promise<number> {
  const table = new SessionTable(ctx.out, { redact, now });
  let shown = 0;
  for await (const session of found) {
    if (ctx.out.closed) break;
    if (json) await printJsonLine(ctx.out, listedJson(session, redact));
    else await table.add(session);
    shown++;
    if (shown >= limit) break;
  }
  return shown;
}

function ending(ctx: Context, shown: number, limit: number, label: string): string {
  const { style } = ctx.err;
  if (shown === 0) return style.dim(`No live sessions in ${label}.`);
  const more = shown >= limit ? " There may be more: see --limit and --after." : "";
  return style.dim(`${shown} ${shown === 1 ? "session" : "sessions"} in ${label}.${more}`);
}
