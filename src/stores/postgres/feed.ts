import { SessionError } from "../../core/errors.ts";
import type { ChangeFeed, FeedConnection, FeedListener } from "../../core/feed.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { Awaitable } from "../../core/store.ts";
import type { Database } from "../sql/dialect.ts";
import { field } from "../sql/failures.ts";
import { migrate } from "../sql/migrate.ts";
import { feedStatements, MARK, markValues, type FeedNames } from "./feed-schema.ts";
import { listenTo, type Listening, type PostgresListenerLike } from "./listening.ts";

/** What a {@link PostgresFeed} works with. */
export interface PostgresFeedParts {
  /** The store's tables, and the client that it writes with. */
  readonly database: Database;
  readonly names: FeedNames;
  /** Gives a new client for one connection of the feed. */
  readonly listen: () => Awaitable<PostgresListenerLike>;
  /** Whether missing triggers are made. */
  readonly create: boolean;
}

/**
 * Triggers tell of each row that was changed, in the transaction that changes it: PostgreSQL hands their messages on once it is
 * committed and every new snapshot sees it, to everybody in the order of the commits.
 */
export class PostgresFeed implements ChangeFeed {
  readonly name = "postgres";
  readonly home: string;
  readonly #parts: PostgresFeedParts;

  constructor(parts: PostgresFeedParts) {
    this.#parts = parts;
    this.home = parts.names.sessions;
  }

  open(listener: FeedListener): FeedConnection {
    return new PostgresFeedConnection(this.#parts, listener);
  }
}

class PostgresFeedConnection implements FeedConnection {
  readonly #parts: PostgresFeedParts;
  readonly #listener: FeedListener;
  readonly #started: Promise<void>;
  #listening: Listening | undefined;
  /** The triggers that told of changes up to the last mark. */
  #triggers: unknown;
  #closed = false;

  constructor(parts: PostgresFeedParts, listener: FeedListener) {
    this.#parts = parts;
    this.#listener = listener;
    this.#started = this.#start();
    // It is said by `mark`.
    this.#started.catch(() => undefined);
  }

  async mark(mark: string): Promise<void> {
    await this.#started;
    if (await this.#send(mark)) return;
    await this.#makeTriggers();
    if (!(await this.#send(mark))) throw missing(this.#parts.names);
  }

  close(): void {
    this.#closed = true;
    this.#listening?.end();
  }

  async #start(): Promise<void> {
    const client = await this.#parts.listen();
    this.#listening = listenTo(client, {
      channel: this.#parts.names.channel,
      onPayload: (payload) => this.#told(payload.slice(0, 2), payload.slice(2)),
      onOver: (error) => this.#listener.lost(error),
    });
    // Closed while the client was waited for.
    if (this.#closed) this.#listening.end();
    await this.#listening.started;
  }

  /** False when nothing was sent, because triggers are missing. */
  async #send(mark: string): Promise<boolean> {
    const { database, names } = this.#parts;
    const { rows } = await database.driver.query(MARK, markValues(names, mark));
    const [row] = rows;
    if (row === undefined) return false;
    const [, triggers] = row;
    // There was a time without them, of which nothing was told.
    if (this.#triggers !== undefined && this.#triggers !== triggers) this.#listener.changed("everything");
    this.#triggers = triggers;
    return true;
  }

  async #makeTriggers(): Promise<void> {
    const { database, names, create } = this.#parts;
    if (!create) throw missing(names);
    try {
      await migrate(database);
      await database.driver.script(feedStatements(names));
    } catch (error) {
      // What it may not do now, it may not do later: not the owner, or a replica.
      if (["42501", "25006"].includes(String(field(error, "code")))) throw missing(names, error);
      throw error;
    }
  }

  #told(kind: string, text: string): void {
    if (kind === "m:") this.#listener.marked(text);
    else if (kind === "h:") this.#listener.changed({ handle: text as SessionHandle });
    else if (kind === "u:") this.#listener.changed({ user: text });
    // Whatever else somebody sends may mean anything.
    else this.#listener.changed("everything");
  }
}

function missing({ sessions }: FeedNames, cause?: unknown): SessionError {
  const how = "let the owner of the tables run what `postgresFeedSchema` gives";
  const problem = `postgresFeed: the triggers that tell of changes in ${sessions} are missing or disabled; ${how}`;
  return new SessionError("ERR_SESSION_CONFIG", problem, cause === undefined ? {} : { cause });
}
