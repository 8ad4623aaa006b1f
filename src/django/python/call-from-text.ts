import { callKind, zoneParts } from "./calls.ts";
import { type IsoParts, readDuration, readIso } from "./moments.ts";
import { PyCall, PyDict, PyGlobal, pyInt, PyTuple, type PyValue } from "./values.ts";

const DECIMAL = /^-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,9})?$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * The value of the same kind as `old` that a new text stands for: a datetime stays a datetime when it is given another moment. Undefined
 * when the text cannot be of that kind.
 */
export function callFromText(text: string, old: PyCall): PyCall | undefined {
  const kind = callKind(old);
  switch (kind) {
    case "datetime":
    case "date":
    case "time": {
      const parts = readIso(text);
      return parts === undefined ? undefined : momentOf(parts, kind, old);
    }
    case "timedelta": {
      const delta = readDuration(text);
      return delta === undefined ? undefined : new PyCall(old.callee, new PyTuple(delta));
    }
    case "Decimal":
      return DECIMAL.test(text) ? new PyCall(old.callee, new PyTuple([text])) : undefined;
    case "UUID": {
      if (!UUID.test(text)) return undefined;
      const state = new PyDict();
      state.values.set("int", pyInt(BigInt(`0x${text.replaceAll("-", "")}`)));
      return new PyCall(old.callee, old.args, "new", state);
    }
    case undefined:
      return undefined;
  }
}

function momentOf(
  { date, time, offset, zone }: IsoParts,
  kind: "datetime" | "date" | "time",
  old: PyCall,
): PyCall | undefined {
  const wanted = kind === "date" ? { date: true, time: false } : { date: kind === "datetime", time: true };
  if ((date !== undefined) !== wanted.date || (time !== undefined) !== wanted.time) return undefined;
  const [year, month, day] = date ?? [0, 0, 0];
  const [hour, minute, second, micro] = time ?? [0, 0, 0, 0];
  const packed = [
    ...(date === undefined ? [] : [year >> 8, year & 0xff, month, day]),
    ...(time === undefined ? [] : [hour, minute, second, micro >> 16, (micro >> 8) & 0xff, micro & 0xff]),
  ];
  const oldZone = old.args.items[1];
  const newZone = zoneFor(offset, zone, oldZone);
  if (newZone === null) return undefined;
  return new PyCall(
    old.callee,
    new PyTuple(newZone === undefined ? [Uint8Array.from(packed)] : [Uint8Array.from(packed), newZone]),
  );
}

/** The zone of a new moment: the old one where it says the same, else one of that offset; null when there is no making it. */
function zoneFor(
  offset: number | undefined,
  zone: string | undefined,
  old: PyValue | undefined,
): PyValue | undefined | null {
  if (offset === undefined && zone === undefined) return undefined;
  const before = old === undefined ? undefined : zoneParts(old);
  if (old !== undefined && before !== undefined && before.offset === offset && before.zone === zone) return old;
  if (offset === undefined || zone !== undefined) return null;
  const days = Math.floor(offset / 86_400_000_000);
  const rest = offset - days * 86_400_000_000;
  const delta = new PyTuple([days, Math.floor(rest / 1_000_000), rest % 1_000_000]);
  const timedelta = new PyCall(new PyGlobal("datetime", "timedelta"), delta);
  return new PyCall(new PyGlobal("datetime", "timezone"), new PyTuple([timedelta]));
}
