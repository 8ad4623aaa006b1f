import type { SessionHandle } from "../../core/id.ts";
import type { SessionRecord, Tombstone } from "../../core/record.ts";
import { unreadable } from "./failures.ts";
import { reasonOf, text, whole, type Reply } from "./replies.ts";

/** What is stored under a key, as the scripts write it. */
export type Stored = { readonly record: SessionRecord } | { readonly tombstone: Tombstone };

// The deadline has 17 characters; the rest of a head is numbers, and the lengths in bytes of the texts behind it.
const LIVE = /^S1L(?=.{17}:) *(-?\d+):(-?\d+):(\d+):(\d+):(-|\d+):/;
const STONE = /^S1T(?=.{17}:) *(-?\d+):([a-z]+):(\d+):(-|\d+):/;

/** @throws {SessionError} `ERR_SESSION_UNREADABLE` */
export function storedIn(handle: SessionHandle, value: string): Stored {
  const live = LIVE.exec(value);
  if (live !== null) {
    const [head, expiresAt, createdAt, epoch, length, userLength] = live;
    const { first: version, second: userId, rest: data } = texts(value, head.length, length, userLength);
    const times = { createdAt: whole(createdAt), expiresAt: whole(expiresAt) };
    return { record: { handle, data, version, ...times, userId, epoch: whole(epoch) } };
  }
  const stone = STONE.exec(value);
  if (stone === null) throw unreadable("its fields are not as the store writes them");
  const [head, until, reason, length, successorLength] = stone;
  const { first: token, second: successor } = texts(value, head.length, length, successorLength);
  return {
    tombstone: { reason: reasonOf(reason), token, successor: successor as SessionHandle | null, until: whole(until) },
  };
}

/** A record, and the present epoch of its user. */
export interface Shown {
  readonly record: SessionRecord;
  readonly userEpoch?: number;
}

/** What a reply shows, where only a record can be. @throws {SessionError} `ERR_SESSION_UNREADABLE` */
export function shown(handle: SessionHandle, [, value, epoch = null]: Reply): Shown {
  const stored = storedIn(handle, text(value));
  if ("tombstone" in stored) throw unreadable("its fields are not as the store writes them");
  return withEpoch(stored.record, epoch);
}

/** A record with what a script said of its user's epoch. */
export function withEpoch(record: SessionRecord, epoch: string | null): Shown {
  return epoch === null ? { record } : { record, userEpoch: whole(epoch) };
}

interface Texts {
  readonly first: string;
  readonly second: string | null;
  readonly rest: string;
}

/** The texts behind a head, of which the first two have so many bytes; `-` for a second that is not there. */
function texts(value: string, at: number, firstBytes = "", secondBytes = ""): Texts {
  const [first, second] = [Number(firstBytes), secondBytes === "-" ? 0 : Number(secondBytes)];
  const both = cut(value.slice(at, at + first + second), first, second);
  if (both === undefined) throw unreadable("its texts are not as long as it says");
  const rest = value.slice(at + both[0].length + both[1].length);
  return { first: both[0], second: secondBytes === "-" ? null : both[1], rest };
}

/** A copy: a part of a text keeps all of it in memory, and a user's id may be kept for long. */
function ownText(part: string): string {
  return part === "" ? part : Buffer.from(part, "latin1").toString("latin1");
}

/** A text cut by the bytes of its UTF-8; what is left over is dropped. */
function cut(joined: string, first: number, second: number): [first: string, second: string] | undefined {
  // With as many bytes as characters, all of them are of one byte.
  if (joined.length === first + second && Buffer.byteLength(joined) === joined.length) {
    return [joined.slice(0, first), ownText(joined.slice(first))];
  }
  const bytes = Buffer.from(joined);
  if (bytes.length < first + second) return undefined;
  return [bytes.toString("utf8", 0, first), bytes.toString("utf8", first, first + second)];
}
