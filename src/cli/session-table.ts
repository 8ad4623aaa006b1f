import type { ListedSession } from "../core/sessions.ts";
import type { PlainObject } from "../core/plain.ts";
import { escapeText, truncate } from "./escape.ts";
import { byteSize, iso, relative } from "./moments.ts";
import type { Output } from "./output.ts";
import { renderLine } from "./render.ts";
import { shapeOf } from "./shape.ts";

const HANDLE_WIDTH = 48;
const USER_WIDTH = 20;
const WHEN_WIDTH = 14;
const SIZE_WIDTH = 8;
const GAP = "  ";
/** From this width on the data stands on the same line. */
const WIDE = 150;
/** The longest data in a line that no terminal bounds. */
const LONGEST_DATA = 1000;

/** Prints sessions as they come: in columns on a terminal, else with tabs between the fields. */
export class SessionTable {
  readonly #out: Output;
  readonly #redact: boolean;
  readonly #now: number;
  #begun = false;

  constructor(out: Output, { redact, now }: { readonly redact: boolean; readonly now: number }) {
    this.#out = out;
    this.#redact = redact;
    this.#now = now;
  }

  async add(session: ListedSession): Promise<void> {
    if (!this.#out.isTerminal) return this.#out.line(this.#tabbed(session));
    if (!this.#begun) await this.#out.line(this.#header());
    this.#begun = true;
    await this.#out.line(this.#columns(session));
  }

  #header(): string {
    const { style, width } = this.#out;
    const names = [
      "HANDLE".padEnd(HANDLE_WIDTH),
      ...(width < WIDE ? [] : ["CREATED".padEnd(WHEN_WIDTH)]),
      "EXPIRES".padEnd(WHEN_WIDTH),
      ...(width < WIDE ? ["USER"] : ["SIZE".padStart(SIZE_WIDTH), "USER".padEnd(USER_WIDTH), "DATA"]),
    ];
    return style.dim(names.join(GAP));
  }

  #columns({ handle, createdAt, expiresAt, userId, bytes, data }: ListedSession): string {
    const { style, width } = this.#out;
    const when = (date: Date): string => relative(date.getTime(), this.#now).padEnd(WHEN_WIDTH);
    const user = truncate(this.#user(userId), USER_WIDTH);
    if (width < WIDE) {
      const first = [handle, when(expiresAt), user].join(GAP).trimEnd();
      return `${first}\n${style.dim(GAP + truncate(this.#data(data), width - GAP.length))}`;
    }
    const before = HANDLE_WIDTH + 2 * WHEN_WIDTH + SIZE_WIDTH + USER_WIDTH + 5 * GAP.length;
    const rest = style.dim(truncate(this.#data(data), width - before));
    return [
      handle,
      when(createdAt),
      when(expiresAt),
      byteSize(bytes).padStart(SIZE_WIDTH),
      user.padEnd(USER_WIDTH),
      rest,
    ].join(GAP);
  }

  #tabbed({ handle, createdAt, expiresAt, userId, bytes, data }: ListedSession): string {
    const when = (date: Date): string => iso(date.getTime()) ?? "";
    const fields = [handle, this.#user(userId), when(createdAt), when(expiresAt), String(bytes)];
    return [...fields, truncate(this.#data(data), LONGEST_DATA)].join("\t");
  }

  #user(userId: string | null): string {
    if (userId === null) return "";
    return this.#redact ? "hidden" : escapeText(userId);
  }

  #data(data: PlainObject | null): string {
    if (data === null) return "unreadable";
    return renderLine(this.#redact ? shapeOf(data) : data);
  }
}

/** A listed session as JSON; its data is null when it cannot be read. */
export function listedJson(session: ListedSession, redact: boolean): PlainObject {
  const { handle, userId, createdAt, expiresAt, version, bytes, data } = session;
  return {
    handle,
    state: data === null ? "unreadable" : "live",
    userId: redact && userId !== null ? "[redacted]" : userId,
    createdAt: iso(createdAt.getTime()),
    expiresAt: iso(expiresAt.getTime()),
    version,
    bytes,
    data: redact && data !== null ? shapeOf(data) : data,
  };
}
