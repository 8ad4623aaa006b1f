import type { Output } from "./output.ts";

/** The longest line that is read, in bytes; what goes beyond it is passed over, and the line counts as unreadable. */
const MAX_LINE_BYTES = 32 * 1024 * 1024;

/** How many characters are gathered before they are written. */
const BATCH = 1024 * 1024;

/**
 * The lines of an input, a list for each piece that comes in, so that no more than a piece is held. An ending of `\r\n` is one of `\n`.
 * `undefined` stands for a line that is too long.
 */
async function* linesOf(input: AsyncIterable<Buffer | string>): AsyncGenerator<readonly (Buffer | undefined)[], void> {
  let rest: Buffer[] = [];
  let length = 0;
  for await (const piece of input) {
    const lines: (Buffer | undefined)[] = [];
    let chunk = typeof piece === "string" ? Buffer.from(piece) : piece;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a)) {
      lines.push(lineOf([...rest, chunk.subarray(0, end)], length + end));
      rest = [];
      length = 0;
      chunk = chunk.subarray(end + 1);
    }
    length += chunk.byteLength;
    if (length > MAX_LINE_BYTES) rest = [];
    else if (chunk.byteLength > 0) rest.push(chunk);
    yield lines;
  }
  if (length > 0) yield [lineOf(rest, length)];
}

function lineOf(parts: readonly Buffer[], length: number): Buffer | undefined {
  if (length > MAX_LINE_BYTES) return undefined;
  const line = Buffer.concat(parts);
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
}

/** How many lines were answered, and how many of them could not be. */
export interface Answered {
  readonly lines: number;
  readonly refused: number;
}

/**
 * Answers each line of the input with a line of the output, in order, no faster than the output takes them and no longer than somebody
 * reads it.
 *
 * @param answer gives the answer, or undefined for a line that has none
 * @param none what is written then
 */
export async function answerLines(
  input: AsyncIterable<Buffer | string>,
  out: Output,
  answer: (line: Buffer) => string | undefined,
  none: string,
): Promise<Answered> {
  let lines = 0;
  let refused = 0;
  let batch = "";
  for await (const piece of linesOf(input)) {
    for (const line of piece) {
      const text = line === undefined ? undefined : answer(line);
      lines++;
      if (text === undefined) refused++;
      batch += `${text ?? none}\n`;
      if (batch.length < BATCH) continue;
      await out.write(batch);
      batch = "";
    }
    await out.write(batch);
    batch = "";
    if (out.closed) break;
  }
  return { lines, refused };
}
