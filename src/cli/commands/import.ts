import { COMMON_OPTIONS, readArguments, STORE_OPTIONS, wholeNumber } from "../args.ts";
import type { Command, Context, OptionTable } from "../context.ts";
import { isStateless } from "../../core/store.ts";
import { DJANGO_SETTINGS, djangoSettings, type DjangoSettings } from "../django/options.ts";
import { Import, type ImportReport, type Problem } from "../django/import.ts";
import { codecOf } from "../django/source.ts";
import { sourceDigest } from "../django/stamp.ts";
import { DjangoTable } from "../django/table.ts";
import { UserTable } from "../django/users.ts";
import { CliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { printJson } from "../json.ts";
import { counted, grouped } from "../moments.ts";
import { Progress } from "../progress.ts";
import { placeOf, shownUrl } from "../store-url.ts";
import { openTarget, type Target } from "../target.ts";

const OPTIONS = {
  from: { type: "string", value: "KIND", help: "Whose sessions they are: django." },
  to: { type: "string", value: "URL", help: "The store that takes them. Default: as for --store of the other commands." },
  "user-table": { type: "string", value: "NAME", help: "Django: the table of users. Default auth_user." },
  "user-key": { type: "string", value: "COLUMN", help: "Django: its primary key. Default id." },
  "trust-logins": { type: "boolean", help: "Django: do not compare logins with the users' present passwords." },
  ...DJANGO_SETTINGS,
  batch: { type: "string", value: "N", help: "Rows to a batch. Default 500." },
  prune: {
    type: "boolean",
    help: "End what an earlier import stored and Django has ended since, if nobody came back to it.",
  },
  "skip-unreadable": { type: "boolean", help: "Exit code 0 although some could not be read." },
  "dry-run": { type: "boolean", help: "Read and decode everything, and change nothing." },
  config: STORE_OPTIONS.config,
  ...COMMON_OPTIONS,
} as const satisfies OptionTable;

type Signal = "SIGINT" | "SIGTERM";

/** `sojourn import`: sessions of Django's table into a store, under the cookies that visitors have. */
export const importCommand: Command = {
  name: "import",
  summary: "Move the sessions of a Django project's table into a store; visitors keep their cookies",
  usage: ["sojourn import --from django URL [--to URL] [--dry-run] [--prune]"],
  details: [
    "URL is the project's database: sqlite:FILE, postgres://… or mysql://…; SECRET_KEY and SECRET_KEY_FALLBACKS come from the environment. " +
      "Every row that is not over is decoded, stored, read back and compared. A login whose password has changed since, or whose user is " +
      "gone or inactive, is left behind, as Django would end it.",
    "It may be stopped and run again at any time: it goes on where it was, stores nothing twice, and neither overwrites what the " +
      "application has written since nor brings back what was ended. Django's table is only read.",
    "Exit code 4 when some could not be read (--skip-unreadable: 0), 130 and 143 when it was stopped.",
  ],
  options: OPTIONS,

  async run(argv, ctx) {
    const { options, positionals } = readArguments(argv, OPTIONS);
    const [url, ...more] = positionals;
    if (options.from !== "django") throw new CliError("ERR_CLI_OPTION_VALUE", "--from must be `django`");
    if (url === undefined || more.length > 0) {
      throw new CliError("ERR_CLI_ARGUMENTS", "Which database? sojourn import --from django URL");
    }
    const batch = options.batch === undefined ? 500 : wholeNumber("batch", options.batch, 1);
    const settings = djangoSettings(ctx, url, options);
    const codec = codecOf(settings);
    const table = await DjangoTable.open(ctx, settings);
    if (table === undefined) throw notATable();
    let target: Target | undefined;
    let stoppedBy: Signal | undefined;
    const restore = ctx.onInterrupt((signal) => (stoppedBy ??= signal));
    const progress = new Progress(ctx.err);
    try {
      const users = options["trust-logins"]
        ? undefined
        : await UserTable.open(table.opened, {
            table: options["user-table"] ?? "auth_user",
            key: options["user-key"] ?? "id",
          });
      const dryRun = options["dry-run"];
      target = await openTarget(ctx, { store: options.to, config: options.config }, dryRun ? "look" : "change");
      const { store, sessions } = target;
      if (isStateless(store)) throw new CliError("ERR_CLI_STORE_STATELESS");
      if (options.prune && store.list === undefined) {
        throw new CliError(
          "ERR_CLI_ARGUMENTS",
          `--prune needs a store that lists its sessions, and \`${store.name}\` does not`,
        );
      }
      const source = sourceDigest(`${placeOf(url, ctx.cwd)} ${settings.table}`);
      const report = await new Import({
        table,
        conversion: { settings, source, codec, users, options: sessions.options },
        store,
        dryRun,
        prune: options.prune,
        batch,
        async onBatch(read, total) {
          if (!options.json) await progress.fill(read, total);
          return stoppedBy === undefined;
        },
      }).run();
      await progress.end();
      const shown = { report, settings, to: target.choice.label, dryRun, stoppedBy, elapsedMs: progress.elapsedMs };
      await (options.json ? printJson(ctx.out, reportJson(shown)) : printReport(ctx, shown));
      return exitOf(report, stoppedBy, options["skip-unreadable"]);
    } finally {
      await progress.end();
      restore();
      await table.close();
      await target?.close();
    }
  },
};

interface Shown {
  readonly report: ImportReport;
  readonly settings: DjangoSettings;
  readonly to: string;
  readonly dryRun: boolean;
  readonly stoppedBy: Signal | undefined;
  readonly elapsedMs: number;
}

/** What is counted, and what the count means. */
const MEANINGS: readonly (readonly [count: string, name: string, meaning: string])[] = [
  ["moved", "moved", "stored, read back and compared"],
  ["updated", "updated", "stored by an earlier import, and written by Django since"],
  ["already", "already there", "stored by an earlier import"],
  ["kept", "kept", "written by the application since; left alone"],
  ["conflicting", "conflicting", "written by both since; the application's was left alone"],
  ["ended", "ended", "imported earlier and ended since; not brought back"],
  ["revoked", "revoked", "the user was revoked in the new store; not brought back"],
  ["pruned", "pruned", "imported earlier and ended in Django since; ended here too"],
  ["expired", "expired", "over in Django"],
  ["loggedOut", "logged out", "the password changed since, or the user is gone or inactive"],
  ["unreadable", "unreadable", "not moved"],
  ["shortened", "shortened", "moved, and ends before Django's date, by absoluteSeconds"],
];

function reportJson({ report, settings, to, dryRun, stoppedBy }: Shown): object {
  const { counts, problems, read, resumed, complete } = report;
  const all = Object.fromEntries(MEANINGS.map(([name]) => [name, counts[name] ?? 0]));
  const from = shownUrl(settings.url);
  return { from, to, dryRun, complete, interrupted: stoppedBy !== undefined, resumed, read, ...all, problems };
}

async function printReport(ctx: Context, shown: Shown): Promise<void> {
  const { report, settings, to, dryRun, elapsedMs } = shown;
  const { counts, problems, read, resumed, complete } = report;
  const { out, err } = ctx;
  for (const problem of problems) await err.line(problemLine(problem));
  const seconds = (elapsedMs / 1000).toFixed(1);
  const did = dryRun ? "Looked at" : "Read";
  await out.line(`${did} ${counted(read, "row")} of ${shownUrl(settings.url)} for ${to} in ${seconds} s.`);
  if (resumed) await out.line("It went on from where an earlier run stopped; the counts are those of both.");
  for (const [name, title, meaning] of MEANINGS) {
    const count = counts[name] ?? 0;
    if (count > 0) await out.line(`  ${grouped(count).padStart(11)}  ${title.padEnd(13)}  ${out.style.dim(meaning)}`);
  }
  if (dryRun) await out.line("Nothing was changed.");
  else if (!complete) await out.line("It was stopped; the same command goes on from here.");
}

function problemLine({ handle, fate, reason }: Problem): string {
  return `${fate}  ${handle}${reason === undefined ? "" : `  ${reason}`}`;
}

function exitOf({ counts, complete }: ImportReport, stoppedBy: Signal | undefined, skip: boolean): number {
  if (!complete) return stoppedBy === "SIGTERM" ? EXIT.terminated : EXIT.interrupted;
  return (counts["unreadable"] ?? 0) > 0 && !skip ? EXIT.unreadable : EXIT.ok;
}

function notATable(): CliError {
  return new CliError("ERR_CLI_OPTION_VALUE", "Only a table can be imported: sqlite:FILE, postgres://… or mysql://…", {
    fix: "Sessions in caches, files and cookies are taken over visit by visit: see `moveFromDjango`.",
  });
}
