import { durationText, isDate, isoText, type IsoParts, isTime } from "./moments.ts";
import { PyCall, PyGlobal, type PyValue } from "./values.ts";

/**
 * The only names of Python's that a pickle may hold, and what stands behind each. What is not here is refused by name, before anything is
 * made of it.
 */
const KNOWN: Readonly<Record<string, true>> = Object.fromEntries(
  [
    "builtins.set builtins.frozenset builtins.bytes builtins.getattr",
    "__builtin__.set __builtin__.frozenset __builtin__.bytes __builtin__.getattr",
    "_codecs.encode decimal.Decimal uuid.UUID",
    "datetime.datetime datetime.date datetime.time datetime.timedelta datetime.timezone",
    "pytz._UTC pytz._p zoneinfo.ZoneInfo",
  ]
    .flatMap((line) => line.split(" "))
    .map((name) => [name, true]),
);

/** True for a name that a pickle may hold. */
export function isKnownGlobal({ module, name }: PyGlobal): boolean {
  // A name with a point in it leads from one thing to another: none of the known ones has any.
  return !module.includes(".") && !name.includes(".") && Object.hasOwn(KNOWN, `${module}.${name}`);
}

/** The kinds of values that JavaScript sees as text. */
export type CallKind = "datetime" | "date" | "time" | "timedelta" | "Decimal" | "UUID";

/** The kind of a call; undefined for one that makes no value of a session, such as a time zone alone. */
export function callKind({ callee, made }: PyCall): CallKind | undefined {
  if (!(callee instanceof PyGlobal)) return undefined;
  const name = `${callee.module}.${callee.name}`;
  if (name === "uuid.UUID") return made === "new" ? "UUID" : undefined;
  if (made !== "call") return undefined;
  if (name === "decimal.Decimal") return "Decimal";
  if (callee.module !== "datetime") return undefined;
  return callee.name === "timezone" ? undefined : (callee.name as CallKind);
}

/**
 * The text of a value that Python makes by a call: ISO 8601 for dates, times and durations, and `str` of a Decimal or UUID. Undefined
 * for a call that is not made as Python makes it.
 */
export function callText(call: PyCall): string | undefined {
  const { items } = call.args;
  switch (callKind(call)) {
    case "datetime":
    case "date":
    case "time": {
      const parts = momentParts(call);
      return parts === undefined ? undefined : isoText(parts);
    }
    case "timedelta":
      return isDelta(items) ? durationText(...items) : undefined;
    case "Decimal": {
      const [text] = items;
      return items.length === 1 && typeof text === "string" && DECIMAL.test(text) ? text : undefined;
    }
    case "UUID":
      return uuidText(call);
    case undefined:
      return undefined;
  }
}

const DECIMAL = /^-?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:E[-+]?[0-9]+)?|Infinity|s?NaN[0-9]*)$/;

/** The parts of a datetime, date or time: ten, four or six packed bytes, and perhaps a zone. */
function momentParts(call: PyCall): IsoParts | undefined {
  const { items } = call.args;
  const [packed, zone] = items;
  const kind = callKind(call);
  if (!(packed instanceof Uint8Array) || items.length > (kind === "date" ? 1 : 2)) return undefined;
  if (packed.byteLength !== { datetime: 10, date: 4, time: 6 }[kind as "datetime" | "date" | "time"]) return undefined;
  const byte = (index: number): number => packed[index] ?? 0;
  // The highest bit of the month, or of the hour, says that the clocks were set back.
  const date = [byte(0) * 256 + byte(1), byte(2) & 0x7f, byte(3)] as const;
  if (kind !== "time" && !isDate(date)) return undefined;
  if (kind === "date") return byte(2) > 12 ? undefined : { date };
  const at = kind === "time" ? 0 : 4;
  const hour = kind === "time" ? byte(at) & 0x7f : byte(at);
  const micros = (byte(at + 3) << 16) | (byte(at + 4) << 8) | byte(at + 5);
  const time = [hour, byte(at + 1), byte(at + 2), micros] as const;
  if (!isTime(time)) return undefined;
  const where = zone === undefined ? {} : zoneParts(zone);
  if (where === undefined) return undefined;
  return { ...(kind === "datetime" && { date }), time, ...where };
}

/** What a time zone says of a moment's offset: the offset, or the zone's name where only a calendar knows the offset. */
export function zoneParts(zone: PyValue): Pick<IsoParts, "offset" | "zone"> | undefined {
  if (!(zone instanceof PyCall) || zone.made !== "call") return undefined;
  const { callee } = zone;
  const [first, second, third, fourth] = zone.args.items;
  const count = zone.args.items.length;
  if (callee instanceof PyCall) {
    // `getattr(zoneinfo.ZoneInfo, "_unpickle")(key, from_cache)`
    const known = isUnpickler(callee) && count === 2 && isZoneName(first) && typeof second === "number";
    return known ? { zone: first } : undefined;
  }
  switch (`${callee.module}.${callee.name}`) {
    case "pytz._UTC":
      return count === 0 ? { offset: 0 } : undefined;
    case "pytz._p":
      if (!isZoneName(first)) return undefined;
      if (count === 1) return { zone: first };
      return count === 4 && isOffset(second) && isOffset(third) && typeof fourth === "string"
        ? { offset: second * 1_000_000 }
        : undefined;
    case "datetime.timezone": {
      if (!(first instanceof PyCall) || callKind(first) !== "timedelta" || !isDelta(first.args.items)) return undefined;
      const [days, seconds, micros] = first.args.items;
      const size = (days * 86_400 + seconds) * 1_000_000 + micros;
      const named = count === 1 || (count === 2 && typeof second === "string");
      return named && Math.abs(size) < 86_400_000_000 ? { offset: size } : undefined;
    }
    default:
      return undefined;
  }
}

function isUnpickler({ callee, args, made }: PyCall): boolean {
  const [owner, name] = args.items;
  return (
    made === "call" &&
    callee instanceof PyGlobal &&
    callee.name === "getattr" &&
    args.items.length === 2 &&
    owner instanceof PyGlobal &&
    owner.module === "zoneinfo" &&
    owner.name === "ZoneInfo" &&
    name === "_unpickle"
  );
}

function isZoneName(value: PyValue | undefined): value is string {
  return typeof value === "string" && /^[A-Za-z0-9_+\-/]{1,255}$/.test(value);
}

function isOffset(value: PyValue | undefined): value is number {
  return typeof value === "number" && Math.abs(value) < 86_400;
}

function isDelta(items: readonly PyValue[]): items is readonly [number, number, number] {
  const [days, seconds, micros] = items;
  const isPart = (part: PyValue | undefined, end: number): boolean => typeof part === "number" && part >= 0 && part < end;
  return (
    items.length === 3 &&
    typeof days === "number" &&
    Math.abs(days) <= 999_999_999 &&
    isPart(seconds, 86_400) &&
    isPart(micros, 1_000_000)
  );
}

function uuidText({ args, state }: PyCall): string | undefined {
  if (args.items.length > 0 || state === undefined || state.otherKeys !== undefined) return undefined;
  const keys = [...state.values.keys()];
  const value = state.values.get("int");
  if (!keys.every((key) => key === "int" || key === "is_safe")) return undefined;
  if (typeof value !== "number" && typeof value !== "bigint") return undefined;
  const hex = value.toString(16).padStart(32, "0");
  return /^[0-9a-f]{32}$/.test(hex) ? hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5") : undefined;
}
