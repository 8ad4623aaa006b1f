/** A place whose clock Django's dates follow, as with `USE_TZ = False`. */
export interface LocalZone {
  /** The local time of a moment, as if it were UTC; both in milliseconds since 1970. */
  toLocal(at: number): number;
  /** The moment of a local time. Of the hour that happens twice in autumn, the first. */
  fromLocal(local: number): number;
}

/** Coordinated universal time, as with `USE_TZ = True`. */
export const UTC: LocalZone = Object.freeze({ toLocal: (at: number) => at, fromLocal: (local: number) => local });

/**
 * The zone of an IANA name, Django's `TIME_ZONE`.
 *
 * @throws {RangeError} for a name that the runtime does not know
 */
export function localZone(name: string): LocalZone {
  if (name === "UTC") return UTC;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: name,
    calendar: "iso8601",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const offsetAt = (at: number): number => {
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    const whole = Math.floor(at / 1000) * 1000;
    return Date.UTC(year, month - 1, day, hour, minute, second) - whole;
  };
  return Object.freeze({
    toLocal: (at: number) => at + offsetAt(at),
    fromLocal(local: number) {
      // The offset before and the one after a change: the earlier moment that reads so.
      const candidates = [local - offsetAt(local - DAY_MS), local - offsetAt(local + DAY_MS)];
      const right = candidates.filter((at) => at + offsetAt(at) === local);
      return right.length > 0 ? Math.min(...right) : Math.max(...candidates);
    },
  });
}

const DAY_MS = 86_400_000;
