import type { ServerResponse } from "node:http";

/** What sends anything of a response. */
export type Verb = "writeHead" | "write" | "end" | "flushHeaders";

/** The verbs of a response as they were. */
export type Verbs = Readonly<Record<Verb, (...args: never[]) => unknown>>;

/** Takes a verb's call in place of the response itself. */
export interface VerbHandler {
  take(verb: Verb, args: readonly unknown[]): unknown;
}

// A class, as all that lives as long as a request: V8 may allocate object literals where only its slow collector looks, and what they
// refer to then stays with them.
/** A response whose verbs can be taken over at any moment, also by somebody who is about to call one. */
export class Detour {
  /** The response's own verbs. */
  readonly before: Verbs;
  /** Who takes the calls from now on. */
  handler: VerbHandler | undefined;
  /** True once a call went through to the response: its head has left, or is on its way. */
  passed: boolean;
  /** Called before a `writeHead` of the response's user, as long as there is no handler: the last moment to become one. */
  onHead: (() => void) | undefined;

  constructor(res: ServerResponse) {
    this.before = verbsOf(res);
    this.handler = undefined;
    this.passed = res.headersSent;
    this.onHead = undefined;
  }
}

const DETOUR = Symbol("sojourn.detour");
type Detoured = ServerResponse & { [DETOUR]?: Detour };

let known: Verbs | undefined;

/** Mostly those of the response before. */
function verbsOf(res: ServerResponse): Verbs {
  const same =
    known !== undefined &&
    known.end === res.end &&
    known.write === res.write &&
    known.writeHead === res.writeHead &&
    known.flushHeaders === res.flushHeaders;
  if (!same) known = { writeHead: res.writeHead, write: res.write, end: res.end, flushHeaders: res.flushHeaders };
  return known as Verbs;
}

/**
 * Puts verbs in front of the response's own that pass all through until there is a handler. They have to be there from the start:
 * `res.end(await session.update(…))` takes hold of `end` before the session is asked for. They are the same for all responses, so
 * that one which is never asked about costs next to nothing.
 */
export function detour(res: ServerResponse): Detour {
  const made = new Detour(res);
  const detoured = res as Detoured;
  const inner = detoured[DETOUR];
  detoured[DETOUR] = made;
  // A second detour of the same response stands in front of the first one, whose verbs look for theirs under the same name.
  if (inner !== undefined) {
    Object.assign(res, boundVerbs(res, made), { [DETOUR]: inner });
    return made;
  }
  detoured.writeHead = writeHead;
  detoured.write = write as ServerResponse["write"];
  detoured.end = end as ServerResponse["end"];
  detoured.flushHeaders = flushHeaders;
  return made;
}

function writeHead(this: Detoured, ...args: unknown[]): ServerResponse {
  return call(this, this[DETOUR], "writeHead", args) as ServerResponse;
}

function write(this: Detoured, ...args: unknown[]): unknown {
  return call(this, this[DETOUR], "write", args);
}

function end(this: Detoured, ...args: unknown[]): unknown {
  return call(this, this[DETOUR], "end", args);
}

function flushHeaders(this: Detoured, ...args: unknown[]): void {
  call(this, this[DETOUR], "flushHeaders", args);
}

function boundVerbs(res: ServerResponse, made: Detour): Record<Verb, (...args: unknown[]) => unknown> {
  return {
    writeHead: (...args) => call(res, made, "writeHead", args),
    write: (...args) => call(res, made, "write", args),
    end: (...args) => call(res, made, "end", args),
    flushHeaders: (...args) => call(res, made, "flushHeaders", args),
  };
}

function call(res: ServerResponse, made: Detour | undefined, verb: Verb, args: readonly unknown[]): unknown {
  // Never without one: the verbs come with it.
  if (made === undefined) throw new TypeError("The response lost its verbs");
  if (made.handler === undefined) {
    // What sends the body asks for a head itself, which is then on its way.
    if (verb === "writeHead" && !made.passed) made.onHead?.();
    if (made.handler === undefined) {
      made.passed = true;
      return Reflect.apply(made.before[verb], res, args);
    }
  }
  return made.handler.take(verb, args);
}
