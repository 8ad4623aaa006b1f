/** A moment, or a time of day, as Python's ISO texts have it. */
export interface IsoParts {
  /** `2026-01-31`; absent for a time of day. */
  readonly date?: readonly [year: number, month: number, day: number];
  /** Absent for a date alone. */
  readonly time?: readonly [hour: number, minute: number, second: number, microsecond: number];
  /** Microseconds east of UTC; undefined where the text has no offset. */
  readonly offset?: number | undefined;
  /** What stands in brackets behind it: a zone whose offset the text does not say. */
  readonly zone?: string | undefined;
}

const DATE = "(\\d{4})-(\\d\\d)-(\\d\\d)";
const CLOCK = "(\\d\\d):(\\d\\d)(?::(\\d\\d)(?:[.,](\\d{1,9}))?)?";
const OFFSET = "(Z|[+-]\\d\\d:?\\d\\d(?::?\\d\\d(?:\\.\\d{6})?)?)?";
const ZONE = "(?:\\[([^\\]]{1,255})\\])?";
const DATETIME = new RegExp(`^${DATE}(?:[T ]${CLOCK}${OFFSET}${ZONE})?$`);
const TIME = new RegExp(`^${CLOCK}${OFFSET}${ZONE}$`);

const MICROS = 1_000_000;

/**
 * Reads what `isoformat` writes: a date, a datetime, or a time of day; also with `Z`, a blank for the `T`, no seconds, fewer or more
 * digits of a second (more than six are cut off), and a zone in brackets. Undefined for other text and for what no calendar has.
 */
export function readIso(text: string): IsoParts | undefined {
  const moment = DATETIME.exec(text);
  if (moment !== null) {
    const date = [Number(moment[1]), Number(moment[2]), Number(moment[3])] as const;
    if (!isDate(date)) return undefined;
    return moment[4] === undefined ? { date } : withTime(moment.slice(4), { date });
  }
  const time = TIME.exec(text);
  return time === null ? undefined : withTime(time.slice(1), {});
}

function withTime([h, m, s = "0", f = "", east, zone]: string[], start: IsoParts): IsoParts | undefined {
  const time = [Number(h), Number(m), Number(s), Number(f.slice(0, 6).padEnd(6, "0"))] as const;
  const offset = east === undefined ? undefined : offsetOf(east);
  return isTime(time) && !Number.isNaN(offset) ? { ...start, time, offset, zone } : undefined;
}

/** Microseconds of `+01:00`; NaN for a day or more. */
function offsetOf(text: string): number {
  if (text === "Z") return 0;
  const [, hours, minutes, seconds = "0", fraction = "0"] = /^.(\d\d):?(\d\d)(?::?(\d\d)(?:\.(\d{6}))?)?$/.exec(text) ?? [];
  const size = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * MICROS + Number(fraction);
  if (Number(minutes) > 59 || Number(seconds) > 59 || size >= 86_400 * MICROS) return Number.NaN;
  return text.startsWith("-") && size > 0 ? -size : size;
}

/** True for a day that Python's calendar has. */
export function isDate([year, month, day]: readonly [number, number, number]): boolean {
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  return day <= new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
}

/** True for a time of day that Python has. */
export function isTime([hour, minute, second, microsecond]: readonly [number, number, number, number]): boolean {
  return hour < 24 && minute < 60 && second < 60 && microsecond < MICROS;
}

/** The text that `isoformat` writes. */
export function isoText({ date, time, offset, zone }: IsoParts): string {
  const day = date === undefined ? "" : `${padded(date[0], 4)}-${padded(date[1])}-${padded(date[2])}`;
  if (time === undefined) return day;
  const [hour, minute, second, micro] = time;
  const clock = `${padded(hour)}:${padded(minute)}:${padded(second)}${micro === 0 ? "" : `.${padded(micro, 6)}`}`;
  const place = (offset === undefined ? "" : offsetText(offset)) + (zone === undefined ? "" : `[${zone}]`);
  return `${day === "" ? "" : `${day}T`}${clock}${place}`;
}

function offsetText(offset: number): string {
  const size = Math.abs(offset);
  const seconds = Math.floor(size / MICROS);
  const clock = `${padded(Math.floor(seconds / 3600))}:${padded(Math.floor(seconds / 60) % 60)}`;
  const micros = size % MICROS;
  const rest = seconds % 60 === 0 && micros === 0 ? "" : `:${padded(seconds % 60)}`;
  return `${offset < 0 ? "-" : "+"}${clock}${rest}${micros === 0 ? "" : `.${padded(micros, 6)}`}`;
}

/** A duration as Django writes it in JSON: `P1DT02H03M04.000005S`. Python has it as days, seconds and microseconds. */
export function durationText(days: number, seconds: number, micros: number): string {
  let total = BigInt(days * 86_400 + seconds) * 1_000_000n + BigInt(micros);
  const sign = total < 0n ? "-" : "";
  if (total < 0n) total = -total;
  const whole = Number(total / 1_000_000n);
  const fraction = Number(total % 1_000_000n);
  const clock = `${padded(Math.floor(whole / 3600) % 24)}H${padded(Math.floor(whole / 60) % 60)}M${padded(whole % 60)}`;
  return `${sign}P${Math.floor(whole / 86_400)}DT${clock}${fraction === 0 ? "" : `.${padded(fraction, 6)}`}S`;
}

const DURATION = /^(-?)P(\d{1,9})DT(\d\d)H(\d\d)M(\d\d)(?:\.(\d{6}))?S$/;

/** Days, seconds and microseconds of what {@link durationText} writes, as Python normalizes them. */
export function readDuration(text: string): readonly [number, number, number] | undefined {
  const [, sign, d, h, m, s, f = "0"] = DURATION.exec(text) ?? [];
  if (d === undefined) return undefined;
  const seconds = ((Number(d) * 24 + Number(h)) * 60 + Number(m)) * 60 + Number(s);
  const micros = Number(f);
  if (sign !== "-") return [Math.floor(seconds / 86_400), seconds % 86_400, micros];
  const whole = micros === 0 ? -seconds : -seconds - 1;
  const days = Math.floor(whole / 86_400);
  return [days, whole - days * 86_400, micros === 0 ? 0 : MICROS - micros];
}

function padded(value: number, width = 2): string {
  return String(value).padStart(width, "0");
}
