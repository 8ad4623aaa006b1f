import { CodecError } from "../codec/codec.ts";
import { readPythonJson } from "./python/json-read.ts";
import { SPACED, writePythonJson } from "./python/json-write.ts";
import type { PyValue } from "./python/values.ts";

/** `django.contrib.messages.constants`. */
export const MESSAGE_LEVELS = Object.freeze({ debug: 10, info: 20, success: 25, warning: 30, error: 40 });

/** One message of `django.contrib.messages`. */
export interface DjangoMessage {
  /** The level's number; Django's own are in {@link MESSAGE_LEVELS}. */
  readonly level: number;
  readonly message: string;
  /** Absent where Django noted none. */
  readonly extraTags?: string | undefined;
  /** True for text that Django's templates show without escaping it (`mark_safe`). Default false. */
  readonly safe?: boolean | undefined;
}

const TAG = "__json_message";
const LEVELS = 8;

/**
 * The messages in `session["_messages"]`: a text, in which there is JSON.
 *
 * @returns undefined for what is no such text, or holds something else than messages
 */
export function readMessages(stored: unknown): DjangoMessage[] | undefined {
  if (typeof stored !== "string") return undefined;
  try {
    const list = readPythonJson(stored, LEVELS);
    const messages = Array.isArray(list) ? list.map(messageOf) : [undefined];
    return messages.every((message) => message !== undefined) ? messages : undefined;
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}

function messageOf(item: PyValue): DjangoMessage | undefined {
  if (!Array.isArray(item) || item.length < 4 || item.length > 5) return undefined;
  const [tag, safe, level, message, extraTags] = item;
  if (tag !== TAG || typeof level !== "number" || typeof message !== "string") return undefined;
  if (extraTags !== undefined && extraTags !== null && typeof extraTags !== "string") return undefined;
  return { level, message, safe: safe === 1 || safe === true, ...(typeof extraTags === "string" && { extraTags }) };
}

/** The text for `session["_messages"]`. Without any message Django removes the key. */
export function writeMessages(messages: readonly DjangoMessage[]): string {
  const items = messages.map(({ level, message, extraTags, safe = false }) => {
    const item: PyValue[] = [TAG, safe ? 1 : 0, level, message];
    return extraTags === undefined ? item : [...item, extraTags];
  });
  return writePythonJson(items, SPACED);
}
