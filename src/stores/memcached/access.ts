import { SessionError } from "../../core/errors.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { Connection } from "./connection.ts";
import { exptimeOf } from "./exptime.ts";
import { afterWriting, checkReply, LostReply, notStored } from "./failures.ts";
import type { Reply } from "./replies.ts";
import * as requests from "./requests.ts";
import type { Server } from "./server.ts";
import type { Shares } from "./shares.ts";
import { firstState, nextState, type Token, tokenIn } from "./tokens.ts";

/** An item as it was read. */
export interface Found {
  readonly value: Buffer;
  readonly token: Token;
}

/** `moved`: the item is in another state. A token comes along if it is sure to be the one of what was written. */
export type Swapped =
  | { readonly outcome: "stored"; readonly token: Token | undefined }
  | { readonly outcome: "moved" | "missing" };

const LONGEST_KEY = 250;

/** Items under handles, on the server that each is on. */
export class Access {
  readonly #shares: Shares<Server>;
  readonly #prefix: string;
  readonly #slackSeconds: number;

  constructor(shares: Shares<Server>, prefix: string, slackSeconds: number) {
    this.#shares = shares;
    this.#prefix = prefix;
    this.#slackSeconds = slackSeconds;
  }

  /**
   * Reads an item; undefined when there is none. A read whose connection ended meanwhile is sent once more.
   *
   * @throws {SessionError} `ERR_SESSION_STORE` with `applied: "no"`
   */
  async read(handle: SessionHandle): Promise<Found | undefined> {
    const key = this.#key(handle);
    try {
      return await this.#readOnce(handle, key);
    } catch (error) {
      if (!(error instanceof LostReply)) throw error;
      if (error.late) throw notStored(error.message, error);
    }
    try {
      return await this.#readOnce(handle, key);
    } catch (error) {
      throw error instanceof LostReply ? notStored(error.message, error) : error;
    }
  }

  /** Writes an item that is not there yet. */
  async add(handle: SessionHandle, text: string, deadline: number): Promise<{ added: boolean; token?: Token | undefined }> {
    const key = this.#key(handle);
    const item = this.#item(text, deadline, firstState());
    const connection = await this.#shares.of(handle).ready();
    const [reply, behind] = await written(connection, requests.add(key, item));
    return reply.code === "STORED" ? { added: true, token: tokenBehind(connection, behind, item) } : { added: false };
  }

  /** Replaces the item that still has this token. */
  async swap(handle: SessionHandle, token: Token, text: string, deadline: number): Promise<Swapped> {
    const { connection, cas, state } = token;
    const item = this.#item(text, deadline, nextState(state));
    if (!connection.isOpen) return { outcome: "moved" };
    const [reply, behind] = await written(connection, requests.swap(this.#key(handle), item, cas));
    if (reply.code === "STORED") return { outcome: "stored", token: tokenBehind(connection, behind, item) };
    return { outcome: reply.code === "EXISTS" ? "moved" : "missing" };
  }

  /** Removes the item that still has this token. */
  async remove(handle: SessionHandle, { connection, cas }: Token): Promise<"removed" | "moved" | "missing"> {
    if (!connection.isOpen) return "moved";
    const [{ code }] = await written(connection, requests.remove(this.#key(handle), cas));
    if (code === "HD") return "removed";
    return code === "EX" ? "moved" : "missing";
  }

  async #readOnce(handle: SessionHandle, key: string): Promise<Found | undefined> {
    const connection = await this.#shares.of(handle).ready();
    const [reply] = replied(await connection.ask(requests.read(key)));
    const { value } = reply;
    if (value === undefined) return undefined;
    const token = tokenIn(connection, reply);
    if (token === undefined) throw notStored("Memcached gave an item without its token; is it older than 1.6?");
    return { value, token };
  }

  #item(text: string, deadline: number, flags: number): requests.NewItem {
    return { text, flags, exptime: exptimeOf(deadline, this.#slackSeconds) };
  }

  /** @throws {SessionError} `ERR_SESSION_USAGE` for a text that cannot be a key: in the protocol it would be something else */
  #key(handle: SessionHandle): string {
    const key = this.#prefix + handle;
    if (handle !== "" && key.length <= LONGEST_KEY && /^[\x21-\x7e]+$/.test(key)) return key;
    throw new SessionError("ERR_SESSION_USAGE", "A handle that Memcached is asked for must be short, printable ASCII text");
  }
}

async function written(connection: Connection, request: requests.Request): Promise<readonly [Reply, ...Reply[]]> {
  try {
    return replied(await connection.ask(request));
  } catch (error) {
    throw afterWriting(error);
  }
}

/** @throws {SessionError} when the server says that it could not do it */
function replied(replies: readonly Reply[]): readonly [Reply, ...Reply[]] {
  const [first, ...more] = replies as [Reply, ...Reply[]];
  checkReply(first);
  return [first, ...more];
}

function tokenBehind(connection: Connection, reply: Reply | undefined, { flags }: requests.NewItem): Token | undefined {
  const token = reply === undefined ? undefined : tokenIn(connection, reply);
  return token?.state === flags ? token : undefined;
}
