import { AsyncLocalStorage } from "node:async_hooks";
import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { HeaderChanges, SessionResponse } from "../middleware/exchange.ts";
import { errorAnswer } from "./_error-answer.ts";
import { fixHead, showEnded, showFull, showPlain, watchHead } from "./_gates.ts";
import {
  addHeaders,
  applyHead,
  assertChunk,
  assertStatus,
  type Head,
  headFixed,
  headOf,
  messageOf,
  restoreHead,
  sendsAtOnce,
  setStatus,
} from "./_head.ts";

/** What a held response asks of its adapter. */
export interface Holder {
  /** Commits the session. Called once, before the first byte of the headers leaves. */
  commit(response: SessionResponse): Promise<HeaderChanges>;
  /** What the error's answer has to carry when the commit failed. */
  owed(): HeaderChanges;
  /** The commit failed: answers the error, on a response that is as new. */
  answer(error: unknown): void;
  /** The response closed, and the commit is over. */
  closed(): void;
}

type Verb = "writeHead" | "write" | "end" | "flushHeaders";

interface Call {
  readonly verb: Verb;
  readonly args: readonly unknown[];
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

export class HeldResponse {
  readonly #res: ServerResponse;
  readonly #holder: Holder;
  readonly #before: Readonly<Record<Verb, (...args: never[]) => unknown>>;
  readonly #first: Head;
  readonly #queue: Call[] = [];
  #sources: Set<Readable> | undefined;
  #stage: Stage = "open";
  #head: { readonly status: number; readonly message: string; readonly explicit: boolean } | undefined;
  #unfix: (() => void) | undefined;
  #ended = false;
  #drain = false;
  #replaying = false;
  #closed: boolean;
  #error: unknown;

  constructor(res: ServerResponse, holder: Holder) {
    this.#res = res;
    this.#holder = holder;
    this.#first = headOf(res);
    this.#closed = res.destroyed;
    this.#before = { writeHead: res.writeHead, write: res.write, end: res.end, flushHeaders: res.flushHeaders };
    res.writeHead = (...args: unknown[]) => this.#writeHead(args);
    res.write = (...args: unknown[]) => this.#write(args);
    res.end = (...args: unknown[]) => this.#end(args);
    res.flushHeaders = () => this.#flushHeaders();
    res.on("pipe", (source: Readable) => this.#piped(source));
    res.once("close", () => {
      this.#closed = true;
      this.#settle();
    });
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
   * @throws what the commit rejects with
   */
  async commit(status: number, header = this.#header): Promise<HeaderChanges> {
    this.#stage = "committing";
    try {
      return await this.#holder.commit(this.#seen(status, header));
    } finally {
      this.#release();
    }
  }

  #writeHead(args: readonly unknown[]): ServerResponse {
    // Bun's own `end` asks for a head that was written already.
    const again = IS_BUN && this.#replaying && this.#head?.explicit === true;
    if (this.#passes && !again) this.#call({ verb: "writeHead", args });
    if (this.#passes || this.#lost) return this.#res;
    if (this.#head) throw headFixed(this.#res, "write");
    applyHead(this.#res, args);
    this.#fix(true);
    if (sendsAtOnce(this.#res)) this.#begin();
    return this.#res;
  }

  #write(args: readonly unknown[]): boolean {
    if (this.#passes) return this.#call({ verb: "write", args }) as boolean;
    if (this.#lost) return this.#discard(args, false);
    assertChunk(args[0]);
    this.#keep({ verb: "write", args });
    if (!this.#drain) showFull(this.#res, true);
    this.#drain = true;
    return false;
  }

  #end(args: readonly unknown[]): ServerResponse {
    if (this.#passes) {
      this.#call({ verb: "end", args });
      if (this.#stage !== "released") this.#stage = "over";
      return this.#res;
    }
    if (this.#lost) return this.#discard(args, this.#res);
    if (args[0] && typeof args[0] !== "function") assertChunk(args[0]);
    this.#keep({ verb: "end", args });
    this.#ended = true;
    showEnded(this.#res);
    return this.#res;
  }

  #flushHeaders(): void {
    if (this.#passes) this.#call({ verb: "flushHeaders", args: [] });
    else if (!this.#lost) this.#keep({ verb: "flushHeaders", args: [] });
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

  #call({ verb, args }: Call): unknown {
    return Reflect.apply(this.#before[verb], this.#res, args);
  }

  #piped(source: Readable): void {
    if (!this.#sources) this.#res.on("unpipe", (gone: Readable) => this.#sources?.delete(gone));
    this.#sources ??= new Set();
    this.#sources.add(source);
  }

  #keep(call: Call): void {
    if (!this.#head) this.#fix(false);
    this.#queue.push(call);
    this.#begin();
  }

  /** From here on the head stands, as after Node's own `writeHead`. */
  #fix(explicit: boolean): void {
    this.#head = { status: assertStatus(this.#res.statusCode), message: messageOf(this.#res), explicit };
    if (this.#stage === "open") this.#stage = "fixed";
    this.#unfix = fixHead(this.#res);
  }

  #begin(): void {
    if (this.#stage === "committing") return;
    this.#stage = "committing";
    const { status } = this.#head ?? { status: this.#res.statusCode };
    this.#holder.commit(this.#seen(status, this.#header)).then(
      (changes) => this.#replay(changes),
      (error: unknown) => this.#fail(error),
    );
  }

  readonly #header = (name: string): string | undefined => this.#res.getHeader(name)?.toString();

  #seen(status: number, header: SessionResponse["header"]): SessionResponse {
    const gone = () => this.#closed || this.#res.destroyed;
    return {
      status,
      header,
      get aborted() {
        return gone();
      },
    };
  }

  #replay(changes: HeaderChanges): void {
    try {
      this.#unfix?.();
      if (!this.#closed) addHeaders(this.#res, changes);
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
      if (explicit) this.#call({ verb: "writeHead", args: message ? [status, message] : [status] });
    }
    this.#replaying = true;
    const results = this.#queue.splice(0).map((call) => this.#call(call));
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
    for (const { args } of this.#queue.splice(0)) this.#discard(args, undefined);
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
    if (this.#closed && (this.#passes || this.#lost)) this.#holder.closed();
  }
}
