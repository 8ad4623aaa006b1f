import type { Statement } from "../sql/driver.ts";
import { POSTGRES_NAMING, type PostgresSchemaOptions } from "../sql/dialects/postgres/schema.ts";
import { DEFAULT_TABLE, tableNames, type TableChoice } from "../sql/names.ts";

/** The names of what tells of a table's changes. */
export interface FeedNames {
  readonly sessions: string;
  readonly users: string;
  /** The function of the triggers. */
  readonly function: string;
  /** What is listened to; a channel belongs to the database, whatever the table's schema. */
  readonly channel: string;
}

// What is sent belongs to the name: another release that sends something else has triggers of its own beside these.
const SUFFIX = "_feed1";

/** @throws {SessionError} `ERR_SESSION_CONFIG` for a name that PostgreSQL does not take */
export function feedNames(choice: TableChoice): FeedNames {
  const { sessions, users } = tableNames(choice, POSTGRES_NAMING);
  const { quote } = POSTGRES_NAMING;
  const channel = `${choice.table}${SUFFIX}`;
  const schema = choice.schema === undefined ? "" : `${quote(choice.schema)}.`;
  return { sessions, users, function: `${schema}${quote(channel)}`, channel };
}

/** What a row that is not swept yet may be past its deadline, by the clocks of application and database. */
const SKEW_MS = 60_000;

// A new row is nobody's copy yet, locks are never copied, a sweep notes in `sweep_at` alone what it puts off, and what it removes is over
// by every copy's own deadline.
const SESSION_TRIGGERS = [
  [
    "u",
    `AFTER UPDATE OF session_handle, session_version, created_at, expires_at, user_epoch, user_id, retired_reason, session_data
  ON {sessions} FOR EACH ROW WHEN (OLD.session_handle NOT LIKE 'lock-%')`,
  ],
  [
    "d",
    `AFTER DELETE ON {sessions} FOR EACH ROW
  WHEN (OLD.session_handle NOT LIKE 'lock-%' AND OLD.expires_at > 1000 * extract(epoch FROM now()) - ${SKEW_MS})`,
  ],
  ["t", "AFTER TRUNCATE ON {sessions} FOR EACH STATEMENT"],
] as const;
const USER_TRIGGERS = [
  ["w", "AFTER INSERT OR UPDATE OR DELETE ON {users} FOR EACH ROW"],
  ["t", "AFTER TRUNCATE ON {users} FOR EACH STATEMENT"],
] as const;

/** What the feed reads. A user is named by a hash, as anybody in the database may listen. */
function functionBody(): string {
  return `
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM pg_catalog.pg_notify(TG_ARGV[0], '*');
  ELSIF TG_ARGV[1] = 'session' THEN
    PERFORM pg_catalog.pg_notify(TG_ARGV[0], pg_catalog.concat('h:', OLD.session_handle));
  ELSE
    PERFORM pg_catalog.pg_notify(TG_ARGV[0], pg_catalog.concat('u:', pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
      CASE TG_OP WHEN 'DELETE' THEN OLD.user_id ELSE NEW.user_id END, 'UTF8')), 'hex')));
  END IF;
  RETURN NULL;
END
`;
}

/** The statements that make the triggers, for tables that are there. Run as one transaction; what is there already stays. */
export function feedStatements(names: FeedNames): readonly string[] {
  const trigger = (table: "sessions" | "users", [letter, when]: readonly [string, string]): string => {
    const name = names.channel + letter;
    const about = table === "sessions" ? "session" : "user";
    const args = `${literal(names.channel)}, '${about}'`;
    const event = when.replace(`{${table}}`, () => names[table]);
    return `DO ${dollars(`BEGIN
  IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = CAST(${literal(names[table])} AS regclass) AND tgname = ${literal(name)}) THEN
    CREATE TRIGGER ${POSTGRES_NAMING.quote(name)} ${event} EXECUTE FUNCTION ${names.function}(${args});
  END IF;
END`)}`;
  };
  return [
    // The store's own lock for making tables: two processes that make the same at the same moment would fail.
    "SELECT pg_advisory_xact_lock(8390880602277372270)",
    `CREATE OR REPLACE FUNCTION ${names.function}() RETURNS trigger LANGUAGE plpgsql AS ${dollars(functionBody())}`,
    ...SESSION_TRIGGERS.map((each) => trigger("sessions", each)),
    ...USER_TRIGGERS.map((each) => trigger("users", each)),
  ];
}

/**
 * Sends a mark, and gives a row, if all triggers are there and at work; with it what tells them from others that were made anew, or from
 * themselves before they were disabled. Its values are those of {@link markValues}.
 */
export const MARK: Statement = {
  name: "sojourn_feed_mark",
  columns: ["pg_notify", "triggers"],
  text: `SELECT pg_notify(CAST($1 AS text), CAST($2 AS text)), triggers FROM (
  SELECT count(*) AS found, string_agg(concat(oid, ':', xmin), ' ' ORDER BY oid) AS triggers
  FROM pg_trigger WHERE tgenabled IN ('O', 'A') AND (
    (tgrelid = to_regclass(CAST($3 AS text)) AND tgname IN (${lettered(SESSION_TRIGGERS)}))
    OR (tgrelid = to_regclass(CAST($4 AS text)) AND tgname IN (${lettered(USER_TRIGGERS)})))
) AS present WHERE found = ${SESSION_TRIGGERS.length + USER_TRIGGERS.length}`,
};

export function markValues({ channel, sessions, users }: FeedNames, mark: string): string[] {
  return [channel, `m:${mark}`, sessions, users];
}

function lettered(triggers: readonly (readonly [string, string])[]): string {
  return triggers.map(([letter]) => `CAST($1 AS text) || '${letter}'`).join(", ");
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A text in dollars, with a tag that is not in it. */
function dollars(text: string): string {
  let tag = "sojourn";
  while (text.includes(`$${tag}$`)) tag += "_";
  return `$${tag}$${text}$${tag}$`;
}

/**
 * The SQL that makes the triggers which `postgresFeed` needs, as one transaction, for those who keep their schema in files of their
 * own; to be run after {@link postgresSchema}, by the owner of the tables. What is there already stays as it is.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` for a name that PostgreSQL does not take
 */
export function postgresFeedSchema(options: PostgresSchemaOptions = {}): string {
  const { table = DEFAULT_TABLE, schema } = options;
  const names = feedNames({ table, schema, store: "postgresFeedSchema" });
  return ["BEGIN", ...feedStatements(names), "COMMIT"].map((statement) => `${statement};\n`).join("\n");
}
