import { isSessionError, SessionError } from "../../core/errors.ts";
import { portOf, type RedisPort } from "./client.ts";
import { CONNECT_MS, type OpenedClient } from "./connecting.ts";
import { duplicatesOf } from "./listening.ts";
import { Silence } from "./silence.ts";

/** A client, and the port over it. */
interface Link {
  readonly opened: OpenedClient;
  readonly port: RedisPort;
  /**
   * After a while without a reply a client is taken for one whose server is gone without a word: the machine lost its power, or the network.
   * Its connection stays open then, for many minutes, though another server has long taken over.
   */
  readonly silence: Silence;
}

/**
 * The port over a client that the store opens itself: with the first call, again with a later one when it has given up, and beside the old
 * one when no replies come. Nothing is sent while there is no connection, as a client that keeps calls for later may send them when nobody
 * waits any more.
 */
export class RedisConnection implements RedisPort {
  readonly isCluster: boolean;
  readonly #open: () => Promise<OpenedClient>;
  /** Whatever is to be ended: the client in use, one that connects, one that was replaced. */
  readonly #links = new Set<Link>();
  #link: Link | undefined;
  #opening: Promise<Link> | undefined;
  #isRenewing = false;
  #isClosed = false;

  constructor(isCluster: boolean, open: () => Promise<OpenedClient>) {
    this.isCluster = isCluster;
    this.#open = open;
  }

  run(...call: Parameters<RedisPort["run"]>): ReturnType<RedisPort["run"]> {
    return this.#send((port) => port.run(...call));
  }

  runConfirmed(...call: Parameters<RedisPort["runConfirmed"]>): ReturnType<RedisPort["runConfirmed"]> {
    return this.#send((port) => port.runConfirmed(...call));
  }

  /** Gives a new client of the same server, for a feed to listen with. */
  async listener(): Promise<object> {
    const { opened } = this.#link ?? (await this.#ready());
    return opened.listener?.() ?? duplicatesOf(opened.client)();
  }

  close(): void {
    this.#isClosed = true;
    for (const link of this.#links) this.#end(link);
  }

  async #send<T>(call: (port: RedisPort) => Promise<T>): Promise<T> {
    const link = this.#link ?? (await this.#ready());
    if (!link.opened.isReady()) throw noConnection();
    const { silence } = link;
    const asked = silence.asked();
    try {
      return await call(link.port);
    } finally {
      silence.answered(asked);
    }
  }

  /** One attempt at a time, for all calls that wait for it. */
  #ready(): Promise<Link> {
    return (this.#opening ??= this.#connect()
      .then((link) => (this.#link = link))
      .catch((error: unknown) => Promise.reject(isSessionError(error) ? error : noConnection(error)))
      .finally(() => (this.#opening = undefined)));
  }

  async #connect(): Promise<Link> {
    const opened = await this.#open();
    const silence = new Silence(() => void this.#renew(link));
    const link: Link = { opened, port: portOf(opened.client), silence };
    this.#links.add(link);
    if (this.#isClosed) this.#end(link);
    try {
      await opened.connected;
    } catch (error) {
      this.#end(link);
      throw error;
    }
    return link;
  }

  /** The old client is used until the new one is there: it may be that one node of many is silent. */
  async #renew(silent: Link): Promise<void> {
    if (this.#isRenewing || this.#isClosed || this.#link !== silent) return;
    this.#isRenewing = true;
    try {
      this.#link = await this.#connect();
      // What it was sent may still be answered.
      setTimeout(() => this.#end(silent), CONNECT_MS).unref();
    } catch {
      // It is tried again, as long as calls go unanswered.
    } finally {
      this.#isRenewing = false;
    }
  }

  #end(link: Link): void {
    this.#links.delete(link);
    link.silence.stop();
    link.port.close();
    link.opened.end();
  }
}

function noConnection(cause?: unknown): SessionError {
  return new SessionError("ERR_SESSION_STORE", "There is no connection to Redis", { cause, applied: "no" });
}
