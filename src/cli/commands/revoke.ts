import { readArguments, STORE_OPTIONS } from "../args.ts";
import { confirm } from "../confirm.ts";
import type { Command, Context, OptionTable } from "../context.ts";
import { cookieNames } from "../cookie-names.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { ResolvedOptions } from "../../core/options.ts";
import type { Sessions } from "../../core/sessions.ts";
import { isStateless } from "../../core/store.ts";
import { CliError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { EXIT } from "../exit.ts";
import { printJson } from "../json.ts";
import { counted } from "../moments.ts";
import { lookUp } from "../stored.ts";
import { openTarget, type Target } from "../target.ts";
import { handleIn, keepSecret, typedText } from "../typed-session.ts";

const OPTIONS = {
  user: {
    type: "string",
    short: "u",
    value: "USER",
    help: "End all of this user's sessions, logins on their way included.",
  },
  except: { type: "string", value: "ID|HANDLE", help: "With --user: keep this one." },
  yes: { type: "boolean", short: "y", help: "Do not ask." },
  ...STORE_OPTIONS,
} as const satisfies OptionTable;

const USAGE = "sojourn revoke ID|HANDLE|COOKIE|-";

/** `sojourn revoke`: ends a session, or all of a user's. */
export const revokeCommand: Command = {
  name: "revoke",
  summary: "End a session, or all sessions of a user, for good",
  usage: [`${USAGE} [--yes]`, "sojourn revoke --user USER [--except ID|HANDLE] [--yes]"],
  details: [
    "On a terminal it asks first; in a script it does not. It takes effect at once: a request that is under way with the session " +
      "can store nothing any more.",
    "Exit code 3 when there was no such session to end.",
  ],
  options: OPTIONS,

  async run(argv, ctx) {
    const { options, positionals } = readArguments(argv, OPTIONS);
    const { user, except, yes, json } = options;
    if (user !== undefined && positionals.length > 0) {
      throw new CliError("ERR_CLI_ARGUMENTS", "Name a session or a user, not both; what to keep goes behind --except");
    }
    if (user === undefined && except !== undefined) throw new CliError("ERR_CLI_ARGUMENTS", "--except needs --user");
    if (except !== undefined) keepSecret(ctx, except);
    const text = user === undefined ? await typedText(ctx, positionals, USAGE) : "";
    const target = await openTarget(ctx, options, "change");
    try {
      if (isStateless(target.store)) throw new CliError("ERR_CLI_STORE_STATELESS");
      const names = cookieNames(target.sessions.options, undefined);
      if (user === undefined) return await revokeOne(ctx, target, handleIn(text, names), { yes, json });
      const kept = except === undefined ? undefined : handleIn(except, names);
      return await revokeUser(ctx, target, user, kept, { yes, json });
    } finally {
      await target.close();
    }
  },
};

interface Manner {
  readonly yes: boolean;
  readonly json: boolean;
}

async function revokeOne(ctx: Context, { sessions }: Target, handle: SessionHandle, { yes, json }: Manner): Promise<number> {
  await confirm(ctx, () => `End the session ${handle}?`, yes);
  const revoked = await sessions.revoke(handle);
  const sentence = revoked
    ? `Ended the session ${handle}.`
    : `There is no session ${handle} to end; it may be over already.`;
  await (json ? printJson(ctx.out, { handle, revoked }) : ctx.out.line(sentence));
  return revoked ? EXIT.ok : EXIT.notFound;
}

async function revokeUser(
  ctx: Context,
  { sessions, store }: Target,
  user: string,
  kept: SessionHandle | undefined,
  { yes, json }: Manner,
): Promise<number> {
  // A mistyped one would end the session that was meant to stay.
  if (kept !== undefined && !(await isLiveOf(store, kept, user, sessions.options))) throw new CliError("ERR_CLI_EXCEPT");
  const name = escapeText(user);
  await confirm(ctx, async () => `End ${await countOf(sessions, user, kept)} of the user ${name}?`, yes);
  const revoked = await sessions.revokeUser(user, kept === undefined ? {} : { except: kept });
  const sentence = `Ended ${counted(revoked, "session")} of the user ${name}${kept === undefined ? "" : `, kept ${kept}`}.`;
  await (json ? printJson(ctx.out, { userId: user, revoked, kept: kept ?? null }) : ctx.out.line(sentence));
  return EXIT.ok;
}

async function isLiveOf(
  store: Target["store"],
  handle: SessionHandle,
  user: string,
  options: ResolvedOptions,
): Promise<boolean> {
  if (isStateless(store)) return false;
  const found = await lookUp(store, handle, options);
  return found.state === "live" && found.record.userId === user;
}

async function countOf(sessions: Sessions, user: string, kept: SessionHandle | undefined): Promise<string> {
  const others = (await sessions.ofUser(user)).filter(({ handle }) => handle !== kept);
  return kept === undefined ? counted(others.length, "session") : counted(others.length, "other session");
}
