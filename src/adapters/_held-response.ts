import { AsyncLocalStorage } from "node:async_hooks";
import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { HeaderChanges, SessionResponse } from "../middleware/exchange.ts";
import { isPending } from "../core/settled.ts";
import type { Awaitable } from "../core/store.ts";
import { errorAnswer } from "./_error-answer.ts";
import { fixHead, showEnded, showFull, showPlain, watchHead } from "./_gates.ts";
import {
  addHeaders,
  applyHead,
  assertChunk,
  assertStatus,
  type Head,
  headFixed,
  messageOf,
  restoreHead,
  sendsAtOnce,
  setStatus,
} from "./_head.ts";
import type { Detour, Verb, VerbHandler, Verbs } from "./_response-verbs.ts";

/** What a held response asks of its adapter. */
export interface Holder {
  /** Commits the session. Called once, before the first byte of the headers leaves. */
  commit(response: SessionResponse): Awaitable<HeaderChanges>;
  /** What the error's answer has to carry when the commit failed. */
  owed(): HeaderChanges;
  /** The commit failed: answers the error, on a response that is as new. */
  answer(error: unknown): void;
  /** The response closed, and the commit is over. With `streamed`, the headers left before the end of the body. */
  closed(streamed: boolean): void;
}

/** What a framework knows of a response that it is about to send. */
export interface CommitOptions {
  /** Reads a header by its lower-case name. Default the response's own. */
  readonly header?: SessionResponse["header"];
  /** False when the whole body is there, so that nothing is changed while it is sent. Default true. */
  readonly streams?: boolean;
}

class Call {
  readonly verb: Verb;
  readonly args: readonly unknown[];

  constructor(verb: Verb, args: readonly unknown[]) {
    this.verb = verb;
    this.args = args;
  }
}

/**
 * A Node response whose first byte waits for the session's commit. What the handler sends meanwhile is kept in order and
 * replayed; to the handler the response looks the way Node's own would after the same calls.
 *
 * `open`: nothing was sent. `fixed`: `writeHead` was called, which in HTTP/1 sends nothing yet. `committing`: the first byte is due.
 * `released`: committed, all passes through. `failed`: the commit failed; what the handler may still send goes nowhere. `answering`:
 * all passes through, for it is the error's answer. `over`: the answer has ended; what the handler may still send goes nowhere.
 */
type Stage = "open" | "fixed" | "committing" | "released" | "failed" | "answering" | "over";

// Tells the calls of an error's answer from those of a handler that is still at work; used for nothing else.
const answers = new AsyncLocalStorage<HeldResponse>();

const IS_BUN = "bun" in process.versions;

export class HeldResponse implements VerbHandler {
  readonly #res: ServerResponse;
  readonly #holder: Holder;
  readonly #before: Verbs;
  readonly #first: Head;
  #queue: Call[] | undefined;
  #sources: Set<Readable> | undefined;
  #stage: Stage = "open";
  #head: { readonly status: number; readonly message: string; readonly explicit: boolean } | undefined;
  #unfix: (() => void) | undefined;
  #ended = false;
  #drain = false;
  #replaying = false;
  #closed: boolean;
  /** True when the headers left, or are to leave, before the end of the body. */
  #streams = false;
  /** The commit, when it was asked for and has to be waited for. */
  #committing: Promise<HeaderChanges> | undefined;
  #error: unknown;

  /** @param first the head as it was before the handler, which the answer to a failed commit begins with */
  constructor(res: ServerResponse, detoured: Detour, first: Head, holder: Holder) {
    this.#res = res;
    this.#holder = holder;
    this.#first = first;
    this.#before = detoured.before;
    detoured.handler = this;
    this.#closed = res.destroyed;
    res.on("pipe", this.#piped);
    // Not `once`, which takes as much again: it comes once by itself.
    res.on("close", () => {
      this.#closed = true;
      // What the handler does right after its answer comes first.
      setImmediate(HeldResponse.#settled, this);
    });
  }

  static #settled(this: void, held: HeldResponse): void {
    held.#settle();
  }

  /** True until the handler has sent anything, its head included. */
  get open(): boolean {
    return this.#stage === "open";
  }

  /** What the framework's answer to a failed commit has to carry. */
  owed(): HeaderChanges {
    return this.#holder.owed();
  }

  /**
   * Commits on behalf of a framework that sends its responses after its hooks, and lets the response pass from then on, also when
   * the commit fails, which then is the framework's to answer.
   *
   * @param status the response's
   * @throws what the commit rejects with
   */
  commit(status: number, { header = this.#header, streams = true }: CommitOptions = {}): Awaitable<HeaderChanges> {
    this.#streams = streams;
    this.#stage = "committing";
    let changes: Awaitable<HeaderChanges>;
    try {
      changes = this.#holder.commit(new Seen(this, status, header));
    } catch (error) {
      this.#release();
      throw error;
    }
    if (isPending(changes)) return changes.finally(() => this.#release());
    this.#release();
    return changes;
  }

  take(verb: Verb, args: readonly unknown[]): unknown {
    switch (verb) {
      case "writeHead":
        return this.#writeHead(args);
      case "write":
        return this.#write(args);
      case "end":
        return this.#end(args);
      case "flushHeaders":
        return this.#flushHeaders();
    }
  }

  #writeHead(args: readonly unknown[]): ServerResponse {
    // Bun's own `end` asks for a head that was written already.
    const again = IS_BUN && this.#replaying && this.#head?.explicit === true;
    if (this.#passes && !again) this.#call("writeHead", args);
    if (this.#passes || this.#lost) return this.#res;
    if (this.#head) throw headFixed(this.#res, "write");
    applyHead(this.#res, args);
    this.#fix(true);
    if (sendsAtOnce(this.#res)) {
      this.#streams = true;
      this.#begin();
    }
    return this.#res;
  }

  #write(args: readonly unknown[]): boolean {
    this.#streams = true;
    if (this.#passes) return this.#call("write", args) as boolean;
    if (this.#lost) return this.#discard(args, false);
    assertChunk(args[0]);
    if (this.#passesAtOnce()) return this.#call("write", args) as boolean;
    this.#keep(new Call("write", args));
    if (!this.#drain) showFull(this.#res, true);
    this.#drain = true;
    return false;
  }

  #end(args: readonly unknown[]): ServerResponse {
    if (this.#passes) {
      this.#call("end", args);
      if (this.#stage !== "released") this.#stage = "over";
      return this.#res;
    }
    if (this.#lost) return this.#discard(args, this.#res);
    if (args[0] && typeof args[0] !== "function") assertChunk(args[0]);
    if (this.#passesAtOnce()) {
      this.#call("end", args);
      return this.#res;
    }
    this.#keep(new Call("end", args));
    this.#ended = true;
    showEnded(this.#res);
    return this.#res;
  }

  #flushHeaders(): void {
    if (this.#lost) return;
    this.#streams = true;
    if (this.#passes || this.#passesAtOnce()) this.#call("flushHeaders", []);
    else this.#keep(new Call("flushHeaders", []));
  }

  get #passes(): boolean {
    return this.#stage === "released" || this.#stage === "answering" || (this.#stage === "failed" && this.#isAnswer);
  }

  get #isAnswer(): boolean {
    return answers.getStore() === this;
  }

  get #lost(): boolean {
    return this.#stage === "failed" || this.#stage === "over";
  }

  #call(verb: Verb, args: readonly unknown[]): unknown {
    return Reflect.apply(this.#before[verb], this.#res, args);
  }

  readonly #piped = (source: Readable): void => {
    if (!this.#sources) this.#res.on("unpipe", (gone: Readable) => this.#sources?.delete(gone));
    this.#sources ??= new Set();
    this.#sources.add(source);
  };

  #keep(call: Call): void {
    if (!this.#head) this.#fix(false);
    (this.#queue ??= []).push(call);
    this.#begin();
  }

  /** From here on the head stands, as after Node's own `writeHead`. */
  #fix(explicit: boolean): void {
    this.#head = { status: assertStatus(this.#res.statusCode), message: messageOf(this.#res), explicit };
    if (this.#stage === "open") this.#stage = "fixed";
    this.#unfix = fixHead(this.#res);
  }

  /** Commits when something is to be sent, and lets it pass where nothing has to be waited for. */
  #passesAtOnce(): boolean {
    if (this.#stage !== "open" && this.#stage !== "fixed") return false;
    const changes = this.#commit();
    if (isPending(changes)) {
      this.#committing = changes;
      return false;
    }
    this.#unfix?.();
    try {
      if (!this.gone) addHeaders(this.#res, changes);
      this.#release();
      return true;
    } catch (error) {
      // The head that the handler made cannot be sent: it is answered as a commit that failed.
      this.#stage = "fixed";
      this.#committing = rejected(error);
      return false;
    }
  }

  #commit(): Awaitable<HeaderChanges> {
    const status = this.#head?.status ?? assertStatus(this.#res.statusCode);
    try {
      return this.#holder.commit(new Seen(this, status, this.#header));
    } catch (error) {
      return rejected(error);
    }
  }

  #begin(): void {
    if (this.#stage === "committing") return;
    this.#stage = "committing";
    const changes = this.#committing ?? this.#commit();
    if (!isPending(changes)) return this.#replay(changes);
    changes.then(
      (value) => this.#replay(value),
      (error: unknown) => this.#fail(error),
    );
  }

  readonly #header = (name: string): string | undefined => this.#res.getHeader(name)?.toString();

  /** True when the client went away. */
  get gone(): boolean {
    return this.#closed || this.#res.destroyed;
  }

  #replay(changes: HeaderChanges): void {
    try {
      this.#unfix?.();
      if (!this.gone) addHeaders(this.#res, changes);
      this.#release();
    } catch (error) {
      this.#fail(error);
    }
  }

  #release(): void {
    const res = this.#res;
    this.#stage = "released";
    this.#unfix?.();
    // Bun's own methods look at what the handler is shown.
    if (IS_BUN) showPlain(res);
    if (this.#head) {
      const { status, message, explicit } = this.#head;
      setStatus(res, status, message);
      if (explicit) this.#call("writeHead", message ? [status, message] : [status]);
    }
    const queue = this.#queue;
    this.#queue = undefined;
    if (queue === undefined) return this.#settle();
    this.#replaying = true;
    const results = queue.map(({ verb, args }) => this.#call(verb, args));
    this.#replaying = false;
    if (this.#drain) {
      showFull(res, false);
      // Where Node itself said "no more", its own `drain` follows.
      if (!this.#ended && !results.includes(false)) process.nextTick(() => res.emit("drain"));
    }
    this.#settle();
  }

  #fail(error: unknown): void {
    const res = this.#res;
    this.#unfix?.();
    showPlain(res);
    this.#error = error;
    if (res.headersSent) {
      this.#stage = "over";
      res.destroy();
      this.#settle();
      return;
    }
    for (const source of this.#sources ?? []) {
      source.unpipe(res);
      res.once("close", () => source.destroy());
    }
    restoreHead(res, { ...this.#first, status: errorAnswer(error).status });
    addHeaders(res, this.#holder.owed());
    for (const { args } of this.#queue ?? []) this.#discard(args, undefined);
    this.#queue = undefined;
    this.#stage = "answering";
    if (this.#ended) this.#holder.answer(error);
    else answers.run(this, () => this.#holder.answer(error));
    if (this.#stage === "answering" && !this.#ended) {
      this.#stage = "failed";
      watchHead(
        res,
        () => this.#isAnswer,
        () => (this.#stage = "answering"),
      );
    }
    this.#settle();
  }

  #discard<R>(args: readonly unknown[], result: R): R {
    const callback = args.find((arg) => typeof arg === "function");
    if (callback) process.nextTick(callback, this.#error);
    return result;
  }

  #settle(): void {
    if (this.#closed && (this.#passes || this.#lost)) this.#holder.closed(this.#streams);
  }
}

async function rejected(error: unknown): Promise<never> {
  throw error;
}

/** What the commit sees of a response. */
class Seen implements SessionResponse {
  readonly status: number;
  readonly header: SessionResponse["header"];
  readonly #held: HeldResponse;

  constructor(held: HeldResponse, status: number, header: SessionResponse["header"]) {
    this.status = status;
    this.header = header;
    this.#held = held;
  }

  get aborted(): boolean {
    return this.#held.gone;
  }
}
