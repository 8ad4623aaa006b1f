import { resolve } from "node:path";
import { readArguments, refusePositionals, STORE_OPTIONS } from "../args.ts";
import type { Command, Context, OptionTable } from "../context.ts";
import type { SessionStore, StatelessStore } from "../../core/store.ts";
import { EXIT } from "../exit.ts";
import { printJson } from "../json.ts";
import { migratingPart } from "../migrating.ts";
import { counted } from "../moments.ts";
import { peekDatabase, presenceOf } from "../peek.ts";
import { storeFromUrl } from "../../store-url.ts";
import { decidingUrl, parseStoreUrl } from "../store-url.ts";
import { sqliteStore } from "../../stores/sqlite.ts";
import { type Choice, chooseStore, targetOf } from "../target.ts";

const OPTIONS = {
  sql: { type: "boolean", help: "Print the SQL that would run, and change nothing." },
  ...STORE_OPTIONS,
} as const satisfies OptionTable;

/** `sojourn migrate`: makes or upgrades a store's tables. */
export const migrateCommand: Command = {
  name: "migrate",
  summary: "Create the store's tables, or upgrade them",
  usage: ["sojourn migrate [--sql]"],
  details: [
    "In one transaction: all or nothing. Run it before a new version of the application starts. A new database is made if the folder " +
      "for it is there. Stores without tables have nothing to migrate.",
  ],
  options: OPTIONS,

  async run(argv, ctx) {
    const { options, positionals } = readArguments(argv, OPTIONS);
    refusePositionals(positionals, "migrate");
    const { sql, json } = options;
    const choice = await chooseStore(ctx, options);
    const statements = await migrate(ctx, choice, sql);
    if (json)
      await printJson(ctx.out, {
        store: choice.label,
        applied: !sql,
        tables: statements !== null,
        statements: statements ?? [],
      });
    else await ctx.out.line(sql ? script(choice, statements) : sentence(choice, statements));
    return EXIT.ok;
  },
};

/** The statements that ran or, with `dryRun`, would run; null for a store without tables. */
async function migrate(ctx: Context, choice: Choice, dryRun: boolean): Promise<readonly string[] | null> {
  const store = openFor(ctx, choice, dryRun);
  if (store === null) return null;
  const target = targetOf(choice, store);
  try {
    const report = await migratingPart(store)?.migrate({ dryRun });
    return report?.statements ?? null;
  } finally {
    await target.close();
  }
}

/** The store to migrate, or null where it is known to have no tables without looking. */
function openFor(ctx: Context, { store }: Choice, dryRun: boolean): SessionStore | StatelessStore | null {
  if (typeof store !== "string") return store;
  const { scheme, rest } = parseStoreUrl(store);
  if (["memory", "file", "cookie"].includes(scheme)) return null;
  const deciding = decidingUrl(store);
  if (scheme !== "sqlite" || !dryRun) return storeFromUrl(deciding, ctx.env);
  if (presenceOf(deciding, ctx.cwd) !== "there") return sqliteStore(":memory:");
  const database = peekDatabase(resolve(ctx.cwd, rest));
  return database === undefined ? storeFromUrl(deciding, ctx.env) : sqliteStore({ database, closeDatabase: true });
}

function script({ label }: Choice, statements: readonly string[] | null): string {
  if (statements === null) return `-- The store ${label} has no tables.`;
  if (statements.length === 0) return `-- ${label} is up to date.`;
  return ["BEGIN", ...statements, "COMMIT"].map((statement) => `${statement};`).join("\n\n");
}

function sentence({ label }: Choice, statements: readonly string[] | null): string {
  if (statements === null) return `The store ${label} has no tables: there is nothing to do.`;
  if (statements.length === 0) return `${label} is up to date: there is nothing to do.`;
  return `Migrated ${label}: ran ${counted(statements.length, "statement")}.`;
}
