import { EXIT } from "./exit.ts";

/** One row of the table: what went wrong, what to do, and how the program ends. */
interface CliErrorEntry {
  readonly title: string;
  readonly fix: string;
  readonly exit: number;
}

/** What the command line itself refuses; the library's own errors are in `ERROR_TABLE`. `docs/cli.md` has an entry for each. */
export const CLI_ERRORS = {
  ERR_CLI_UNKNOWN_COMMAND: {
    title: "There is no such command",
    fix: "See `sojourn help`.",
    exit: EXIT.usage,
  },
  ERR_CLI_UNKNOWN_OPTION: {
    title: "There is no such option",
    fix: "See `sojourn help` and the command's own `--help`.",
    exit: EXIT.usage,
  },
  ERR_CLI_OPTION_VALUE: {
    title: "An option's value is missing or cannot be",
    fix: "See the command's `--help`.",
    exit: EXIT.usage,
  },
  ERR_CLI_ARGUMENTS: {
    title: "The command's arguments cannot be understood",
    fix: "See the command's `--help`.",
    exit: EXIT.usage,
  },
  ERR_CLI_NOT_A_SESSION: {
    title: "That names no session",
    fix: "Give the cookie's value, its whole `name=value`, or a handle as `sojourn list` shows it.",
    exit: EXIT.usage,
  },
  ERR_CLI_AMBIGUOUS: {
    title: "Several cookies there could be a session's",
    fix: "Paste the one, or say which with `--cookie-name`.",
    exit: EXIT.usage,
  },
  ERR_CLI_EXCEPT: {
    title: "The session to keep is not a live one of this user",
    fix: "Nothing was ended. See `sojourn list --user` for the user's sessions.",
    exit: EXIT.notFound,
  },
  ERR_CLI_CANCELLED: {
    title: "Nothing was changed",
    fix: "Answer `y`, or say `--yes`.",
    exit: EXIT.failed,
  },
  ERR_CLI_NO_STORE: {
    title: "No store is configured",
    fix:
      "Name it with `--store sqlite:FILE`, `--store file:FOLDER` or SOJOURN_STORE, run this in the folder of the application's " +
      "sojourn.config.ts, or name that with `--config`.",
    exit: EXIT.configuration,
  },
  ERR_CLI_STORE_MISSING: {
    title: "The store is not there",
    fix: "Check the path and the working directory. The application makes it when it starts; `sojourn migrate` makes a database.",
    exit: EXIT.configuration,
  },
  ERR_CLI_NO_TABLE: {
    title: "The database has no table of sessions, or an older one",
    fix: "Check that it is the right database; then `sojourn migrate` creates or upgrades the table.",
    exit: EXIT.configuration,
  },
  ERR_CLI_STORE_PRIVATE: {
    title: "The store lives in the application's own process, where no other program can look",
    fix: "Choose a store that is shared, such as sqlite:FILE or file:FOLDER.",
    exit: EXIT.configuration,
  },
  ERR_CLI_STORE_STATELESS: {
    title: "The store keeps nothing on the server",
    fix: "A cookie store's sessions are with the visitors. To end all of them at once, replace the keys.",
    exit: EXIT.failed,
  },
  ERR_CLI_NOT_LISTED: {
    title: "These sessions cannot be listed",
    fix: "A cache finds sessions by their keys alone, and signed cookies are with the visitors: `sojourn inspect` shows one of them.",
    exit: EXIT.failed,
  },
  ERR_CLI_NO_USERS: {
    title: "The database has no such table of users",
    fix:
      "Name the table of AUTH_USER_MODEL with `--user-table`, and its primary key with `--user-key`; or say `--trust-logins` to take every " +
      "login as it stands.",
    exit: EXIT.configuration,
  },
  ERR_CLI_IMPORT_TAKEN: {
    title: "Another import of the same table has taken over",
    fix: "Nothing is lost: let that one end, or run this again when it has.",
    exit: EXIT.failed,
  },
  ERR_CLI_IMPORT_DIFFERS: {
    title: "What was stored is not what comes back",
    fix: "Do not use this store. Check what stands between (a proxy, a trigger, the database's encoding), then run the import again.",
    exit: EXIT.failed,
  },
  ERR_CLI_CONFIG_MISSING: {
    title: "The configuration file is not there",
    fix: "Check the path that `--config` names; it is relative to the working directory.",
    exit: EXIT.configuration,
  },
  ERR_CLI_CONFIG_TYPESCRIPT: {
    title: "This Node cannot load a configuration in TypeScript",
    fix: "Use Node 22.18 or newer, or 24; or run with NODE_OPTIONS=--experimental-strip-types; or write sojourn.config.mjs.",
    exit: EXIT.configuration,
  },
  ERR_CLI_CONFIG_FAILED: {
    title: "The configuration failed to load",
    fix: "Mend what its own error says.",
    exit: EXIT.configuration,
  },
  ERR_CLI_CONFIG_EXPORT: {
    title: "The configuration has no sessions as its default export",
    fix: "Write `export default { store: … }` with the options of createSessions, or `export default createSessions({ … })`.",
    exit: EXIT.configuration,
  },
  ERR_CLI_SECRET_KEY: {
    title: "Django's SECRET_KEY is not there",
    fix: "Set the environment variable SECRET_KEY to that of Django's settings, and SECRET_KEY_FALLBACKS to the older ones, if any.",
    exit: EXIT.configuration,
  },
  ERR_CLI_UNEXPECTED: {
    title: "Something failed that should not",
    fix: "Nothing is known to do about it. If it looks like a fault of sojourn, please report it with the message.",
    exit: EXIT.failed,
  },
} as const satisfies Record<`ERR_CLI_${string}`, CliErrorEntry>;

/** The stable code of a {@link CliError}. */
export type CliErrorCode = keyof typeof CLI_ERRORS;

/** What may come with a {@link CliError}. */
export interface CliErrorOptions {
  readonly cause?: unknown;
  /** What to do, where more is known than the table says. */
  readonly fix?: string;
}

/** An error of the command line. Its message never holds what may be a session's id. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly code: CliErrorCode;
  readonly title: string;
  readonly fix: string;
  readonly exit: number;

  /** @param message what exactly went wrong; without it the title says enough */
  constructor(code: CliErrorCode, message?: string, { cause, fix }: CliErrorOptions = {}) {
    const entry = CLI_ERRORS[code];
    super(message ?? entry.title, cause === undefined ? undefined : { cause });
    this.code = code;
    this.title = entry.title;
    this.fix = fix ?? entry.fix;
    this.exit = entry.exit;
  }
}
