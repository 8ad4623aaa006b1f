import { isSessionError, type SessionError } from "../../core/errors.ts";
import { publish } from "../../core/events.ts";
import type { ChangeFeed, FeedConnection, StoreChange } from "../../core/feed.ts";
import { newVersion } from "../../core/id.ts";
import { elapsedMs, moment, type Moment } from "./moment.ts";

/** Why there is no feed. */
type LossReason = "connection" | "silence" | "configuration";

/** What a {@link FeedLink} works with. */
export interface LinkSettings {
  readonly feed: ChangeFeed;
  /** For how long after a mark was sent its return vouches for what is in memory. */
  readonly staleMs: number;
  /** The near store's name, for events. */
  readonly name: string;
  onChange(change: StoreChange): void;
  /** Everything may have changed: the feed is no longer to be relied on. */
  onLapse(): void;
  /** After each mark. */
  onBeat(): void;
}

/** Who waits for a mark. */
interface Returning {
  resolve(): void;
  reject(error: unknown): void;
}

/** How many marks are sent in the time that one of them vouches for. */
const BEATS = 5;
/** What a first mark may take, with the connection before it. */
const CONNECT_MS = 10_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5000;

/**
 * Holds a connection of a feed, and knows whether what is in memory may be served. A mark is sent again and again; one that came back
 * shows that every change which was acknowledged before it was sent has been reported. So whatever is in memory at a moment is at most
 * as old as the sending of the last mark that came back, and that is looked at with every hit: no timer has to be in time for it.
 */
export class FeedLink {
  readonly #settings: LinkSettings;
  #connection: FeedConnection | undefined;
  /** Marks that were sent over the present connection and have not come back. */
  readonly #marks = new Map<string, Returning>();
  /** The last mark that came back, by the moment at which it was sent. */
  #proven: Moment | undefined;
  #current = false;
  /** Since when there is no feed, and why, as far as that was told. */
  #away = moment();
  #told: LossReason | undefined;
  #failures = 0;
  #misconfigured: SessionError | undefined;
  #wasCurrent = false;
  #timer: NodeJS.Timeout | undefined;
  #state: "idle" | "started" | "closed" = "idle";

  constructor(settings: LinkSettings) {
    this.#settings = settings;
  }

  /** Opens the feed, unless that was done before. */
  start(): void {
    if (this.#state !== "idle") return;
    this.#state = "started";
    this.#away = moment();
    this.#open();
  }

  /** Whether what is in memory is within the bound at this very moment. */
  get isCurrent(): boolean {
    if (!this.#current || this.#proven === undefined) return false;
    if (elapsedMs(this.#proven) <= this.#settings.staleMs) return true;
    // The process stood still, or what should have told it did.
    this.#lapse("silence");
    return false;
  }

  /** Set while the feed has never worked and never will as it is configured. */
  get misconfigured(): SessionError | undefined {
    return this.#misconfigured;
  }

  /** Resolves once what others were told of before this call has been reported, or is not served any more. */
  async sync(): Promise<void> {
    const connection = this.#connection;
    if (!this.isCurrent || connection === undefined) return;
    try {
      await this.#mark(connection);
    } catch (error) {
      this.#lose(connection, "connection", error);
    }
  }

  close(): void {
    this.#state = "closed";
    clearTimeout(this.#timer);
    this.#current = false;
    this.#settings.onLapse();
    if (this.#connection !== undefined) this.#drop(this.#connection, new Error("The feed was closed"));
  }

  #open(): void {
    const opened: FeedConnection = this.#settings.feed.open({
      changed: (change) => {
        if (this.#connection === opened) this.#settings.onChange(change);
      },
      marked: (mark) => this.#marks.get(mark)?.resolve(),
      lost: (error) => this.#lose(opened, "connection", error),
    });
    this.#connection = opened;
    void this.#beat(opened, Math.max(CONNECT_MS, this.#settings.staleMs));
  }

  /** Sends a mark, and gives the connection up if it does not come back in time. */
  async #beat(connection: FeedConnection, limitMs: number): Promise<void> {
    const sent = moment();
    this.#schedule(limitMs, () => this.#lose(connection, "silence"));
    try {
      await this.#mark(connection);
    } catch (error) {
      this.#lose(connection, isSessionError(error, "ERR_SESSION_CONFIG") ? "configuration" : "connection", error);
      return;
    }
    if (this.#connection !== connection) return;
    this.#prove(sent);
    const { staleMs, onBeat } = this.#settings;
    onBeat();
    // One that took too long to vouch for anything is followed by the next at once.
    const rest = this.#current ? staleMs / BEATS - elapsedMs(sent) : 0;
    this.#schedule(rest, () => void this.#beat(connection, staleMs));
  }

  /** Resolves when a mark went through the feed. */
  async #mark(connection: FeedConnection): Promise<void> {
    const mark = newVersion();
    const returned = new Promise<void>((resolve, reject) => this.#marks.set(mark, { resolve, reject }));
    try {
      // Whichever fails first; the other is not left without anybody who looks at it.
      await Promise.all([connection.mark(mark), returned]);
    } finally {
      this.#marks.delete(mark);
    }
  }

  /** Ends a connection, and all waiting for it. */
  #drop(connection: FeedConnection, error: unknown): void {
    this.#connection = undefined;
    connection.close();
    for (const { reject } of this.#marks.values()) reject(error);
    this.#marks.clear();
  }

  #prove(sent: Moment): void {
    this.#proven = sent;
    this.#failures = 0;
    if (this.#current || elapsedMs(sent) > this.#settings.staleMs) return;
    this.#current = true;
    this.#wasCurrent = true;
    this.#told = undefined;
    this.#misconfigured = undefined;
    publish("feedReady", { store: this.#settings.name, durationMs: elapsedMs(this.#away) });
  }

  #lose(connection: FeedConnection, reason: LossReason, error?: unknown): void {
    if (this.#connection !== connection) return;
    this.#lapse(reason, error);
    this.#drop(connection, error ?? new Error("No mark came back in time"));
    if (reason === "configuration" && isSessionError(error) && !this.#wasCurrent) this.#misconfigured = error;
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++);
    // At random, so that the processes which lost a server together do not come back all at once.
    this.#schedule(pause * (0.5 + Math.random() / 2), () => this.#open());
  }

  #lapse(reason: LossReason, error?: unknown): void {
    if (this.#current) this.#away = moment();
    this.#current = false;
    this.#settings.onLapse();
    if (this.#told === reason) return;
    this.#told = reason;
    publish("feedLost", { store: this.#settings.name, reason, ...(error !== undefined && { error }) });
  }

  #schedule(milliseconds: number, task: () => void): void {
    clearTimeout(this.#timer);
    if (this.#state === "closed") return;
    this.#timer = setTimeout(task, Math.max(0, milliseconds));
    this.#timer.unref();
  }
}
