/** The most levels that the strict reader follows; the codecs' own bounds are lower. */
const MAX_LEVELS = 1100;

/** The strict reader's refusal of text that is nested deeper than any codec's bound. */
export class JsonTooDeep extends SyntaxError {
  override readonly name = "JsonTooDeep";
}

/**
 * `JSON.parse`, with every key as it is written.
 *
 * V8 misreads keys with escapes: once an object had the key `\`, another key such as `\n` in the same place of a similar
 * object comes out as `\` too (nodejs/node#63785; open in Node 24 and 26 and Deno 2). A visitor who chooses keys could so
 * change what is read of other sessions. Text with such a key is therefore read here; all other text natively.
 *
 * @throws {SyntaxError} when the text is not JSON; its message can hold data
 * @throws {JsonTooDeep}
 */
export function parseJsonText(text: string): unknown {
  return hasEscapedKey(text) ? new StrictReader(text).read() : JSON.parse(text);
}

/** The index of the quote that ends the string which begins at `start`; the text's length when none does. */
export function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return at;
  }
  return text.length;
}

function hasEscapedKey(text: string): boolean {
  let backslash = text.indexOf("\\");
  if (backslash === -1) return false;
  for (let start = text.indexOf('"'); start !== -1;) {
    const end = endOfString(text, start);
    if (backslash < start) backslash = text.indexOf("\\", start);
    if (backslash === -1) return false;
    if (backslash < end && text.charCodeAt(skipBlanks(text, end + 1)) === 0x3a) return true;
    start = text.indexOf('"', end + 1);
  }
  return false;
}

function skipBlanks(text: string, from: number): number {
  let index = from;
  for (;;) {
    const code = text.charCodeAt(index);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return index;
    index++;
  }
}

/** RFC 8259, with strings and numbers left to `JSON.parse`, which reads them right. */
class StrictReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): unknown {
    const value = this.#value(0);
    if (this.#peek() !== "") throw this.#unexpected();
    return value;
  }

  #value(level: number): unknown {
    if (level > MAX_LEVELS) throw new JsonTooDeep(`JSON with more than ${MAX_LEVELS} levels`);
    switch (this.#peek()) {
      case "{":
        return this.#object(level);
      case "[":
        return this.#array(level);
      case '"':
        return this.#string();
      default:
        return this.#atom();
    }
  }

  #object(level: number): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    this.#items("{", "}", () => {
      if (this.#peek() !== '"') throw this.#unexpected();
      const key = this.#string();
      this.#take(":");
      // Defined, not assigned: `__proto__` is a key like any other.
      const value = this.#value(level + 1);
      Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
    });
    return object;
  }

  #array(level: number): unknown[] {
    const array: unknown[] = [];
    this.#items("[", "]", () => array.push(this.#value(level + 1)));
    return array;
  }

  #items(open: string, close: string, item: () => void): void {
    this.#take(open);
    if (this.#peek() !== close) {
      item();
      while (this.#peek() === ",") {
        this.#take(",");
        item();
      }
    }
    this.#take(close);
  }

  #string(): string {
    const end = endOfString(this.#text, this.#at);
    const text = this.#text.slice(this.#at, end + 1);
    this.#at = end + 1;
    return JSON.parse(text) as string;
  }

  /** A number, true, false or null. */
  #atom(): unknown {
    const atom = /[-+.\w]+/y;
    atom.lastIndex = this.#at;
    const text = atom.exec(this.#text)?.[0] ?? "";
    this.#at += text.length;
    return JSON.parse(text);
  }

  /** The next character that is not blank, "" at the end. */
  #peek(): string {
    this.#at = skipBlanks(this.#text, this.#at);
    return this.#text.charAt(this.#at);
  }

  #take(character: string): void {
    if (this.#peek() !== character) throw this.#unexpected();
    this.#at++;
  }

  #unexpected(): SyntaxError {
    return new SyntaxError("Not JSON");
  }
}
