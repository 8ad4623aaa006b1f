import type { Reply } from "./replies.ts";

/** What is sent at once, and what may come back for it, reply by reply. */
export interface Request {
  /** Commands are texts of ASCII characters; values, with the end of their line, are buffers. */
  readonly chunks: readonly (string | Buffer)[];
  readonly answers: readonly Answer[];
}

interface Answer {
  readonly codes: readonly string[];
  /** A mark that the reply repeats: were replies ever out of step with requests, it would show. */
  readonly opaque?: string;
}

/** An item to be written. */
export interface NewItem {
  readonly text: string;
  /** The item's flags, of 32 bits: here the number of its state, see `tokens.ts`. */
  readonly flags: number;
  /** Seconds since 1970, 0 for never. */
  readonly exptime: number;
}

/*
 * Reads, and what is deleted on a condition, are meta commands. Items are written with `add` and `cas`: a meta set that the server has no
 * room for removes the item that was there, on whatever condition it was sent, and these two leave it alone. What they do not tell,
 * the new token, is asked for in the same breath.
 */

/** Reads an item with its token. */
export function read(key: string): Request {
  const opaque = newOpaque();
  return { chunks: [`mg ${key} c f v O${opaque}\r\n`], answers: [{ codes: ["VA", "EN"], opaque }] };
}

/** Writes an item that is not there yet, and asks for its token. */
export function add(key: string, item: NewItem): Request {
  return write("add", ["STORED", "NOT_STORED"], key, item, "");
}

/** Replaces an item that still has this token, and asks for its new one. */
export function swap(key: string, item: NewItem, cas: string): Request {
  return write("cas", ["STORED", "EXISTS", "NOT_FOUND"], key, item, ` ${cas}`);
}

/** Removes an item that still has this token. It takes no memory. */
export function remove(key: string, cas: string): Request {
  const opaque = newOpaque();
  return { chunks: [`md ${key} C${cas} O${opaque}\r\n`], answers: [{ codes: ["HD", "EX", "NF"], opaque }] };
}

/** Asks whether a server is there that knows meta commands. */
export function greet(): Request {
  return { chunks: ["mn\r\n"], answers: [{ codes: ["MN"] }] };
}

/** True when a reply may stand where it came; a server may always say that it could not do it. */
export function isAnswer({ code, words }: Reply, { codes, opaque }: Answer): boolean {
  if (code === "SERVER_ERROR") return true;
  return codes.includes(code) && (opaque === undefined || words.includes(`O${opaque}`));
}

function write(command: string, codes: readonly string[], key: string, item: NewItem, condition: string): Request {
  const value = Buffer.from(`${item.text}\r\n`);
  const head = `${command} ${key} ${item.flags} ${item.exptime} ${value.length - 2}${condition}\r\n`;
  const opaque = newOpaque();
  return {
    chunks: [head, value, `mg ${key} c f O${opaque}\r\n`],
    answers: [{ codes }, { codes: ["HD", "EN"], opaque }],
  };
}

let opaques = 0;

function newOpaque(): string {
  opaques = (opaques + 1) % 0x1_0000_0000;
  return opaques.toString(36);
}
