import { callText, isKnownGlobal, zoneParts } from "./calls.ts";
import { malformed } from "./pickle-input.ts";
import { CodecError } from "../../codec/codec.ts";
import { PyCall, PyDict, PyGlobal, PySet, PyTuple, type PyValue } from "./values.ts";

/** The name of something of Python's, if it is one of the few that are known. Nothing is ever looked up. */
export function knownGlobal(module: string, name: string): PyGlobal {
  const named = new PyGlobal(module, name);
  if (!isKnownGlobal(named)) throw refused();
  return named;
}

/** What Python would make by calling `callee`; the call itself, where that is a value for which JavaScript has text. */
export function called(callee: PyValue, args: PyValue): PyValue {
  if (!(args instanceof PyTuple)) throw malformed();
  if (callee instanceof PyCall) return checked(new PyCall(callee, args));
  if (!(callee instanceof PyGlobal)) throw malformed();
  return builtin(callee, args.items) ?? checked(new PyCall(callee, args));
}

/** What it costs at most to look at the arguments of a call, and to copy them: the same ones may come again and again. */
export function costOf(args: PyValue): number {
  if (!(args instanceof PyTuple)) return 0;
  let cost = 0;
  for (const item of args.items) {
    if (typeof item === "string") cost += item.length;
    else if (Array.isArray(item)) cost += item.length * 8;
  }
  return cost;
}

/** Sets, and bytes, as the older protocols write them. */
function builtin({ module, name }: PyGlobal, args: readonly PyValue[]): PyValue | undefined {
  const [first, second] = args;
  if (module === "_codecs") {
    if (args.length !== 2 || typeof first !== "string" || second !== "latin1") throw malformed();
    const bytes = Buffer.from(first, "latin1");
    if (bytes.toString("latin1") !== first) throw malformed();
    return Uint8Array.from(bytes);
  }
  if (module !== "builtins" && module !== "__builtin__") return undefined;
  if (name === "bytes" && args.length === 0) return new Uint8Array(0);
  if ((name === "set" || name === "frozenset") && args.length === 1 && Array.isArray(first)) {
    return new PySet([...first], name === "frozenset");
  }
  if (name === "getattr") return undefined;
  throw malformed();
}

/** `UUID.__new__(UUID)`: a value that only its state completes. */
export function newObject(callee: PyValue, args: PyValue): PyCall {
  const isBare =
    callee instanceof PyGlobal && callee.module === "uuid" && args instanceof PyTuple && args.items.length === 0;
  if (!isBare) throw refused();
  return new PyCall(callee, args, "new");
}

/** Gives an object its state. */
export function build(object: PyValue, state: PyValue): void {
  if (!(object instanceof PyCall) || object.made !== "new" || object.state !== undefined || !(state instanceof PyDict)) {
    throw refused();
  }
  object.state = state;
  checked(object);
}

/** A call that is a value, a time zone, or on the way to one. */
function checked(call: PyCall): PyCall {
  const { callee } = call;
  const isStep = callee instanceof PyGlobal && callee.name === "getattr";
  if (isStep || callText(call) !== undefined || zoneParts(call) !== undefined) return call;
  throw malformed();
}

function refused(): CodecError {
  return new CodecError("format", "The pickle holds an object of Python's that is no plain data; it was not made");
}
