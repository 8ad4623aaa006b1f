import { CodecError } from "../codec/codec.ts";
import { intOf } from "./python/numbers.ts";
import { readLong } from "./python/longs.ts";
import { build, called, costOf, knownGlobal, newObject } from "./python/pickle-calls.ts";
import { malformed, PickleInput, rawUnicode, unquoted } from "./python/pickle-input.ts";
import { PickleMachine } from "./python/pickle-machine.ts";
import { OP } from "./python/pickle-ops.ts";
import { PyDict, PyFloat, PySet, PyTuple, type PyValue } from "./python/values.ts";

/** The most bytes of one int. */
const MAX_INT_BYTES = 65_536;

/** What was read, and how many bytes it took. */
export interface ReadPickle {
  readonly value: PyValue;
  readonly bytes: number;
}

/**
 * Reads a pickle of plain data, protocols 0 to 5: None, bool, int, float, str, bytes, list, tuple, dict, set, frozenset, and of other
 * classes datetime, date, time, timedelta, Decimal and UUID, with the time zones of `datetime`, `zoneinfo` and `pytz`.
 *
 * It is closed: names are compared with a list and never looked up, nothing is imported, called or built, and every other opcode or name
 * is refused. Work and memory are bounded by the length of the bytes. What it gives may share parts, as the pickled value did.
 *
 * @throws {CodecError} reason `format`, or `size` for an int of more than 65,536 bytes; the message holds no data
 */
export function readPickle(bytes: Uint8Array): ReadPickle {
  const input = new PickleInput(bytes);
  const machine = new PickleMachine();
  for (;;) {
    const op = input.byte();
    if (op === OP.STOP) return { value: machine.result(), bytes: input.position };
    const step = STEPS[op];
    if (step === undefined) throw malformed();
    step(machine, input);
  }
}

type Step = (machine: PickleMachine, input: PickleInput) => void;

/** A step that pushes what it reads. */
function pushes(read: (input: PickleInput) => PyValue): Step {
  return (machine, input) => machine.push(read(input));
}

const STEPS: Readonly<Record<number, Step>> = {
  // The version says nothing that the opcodes do not.
  [OP.PROTO]: (_, input) => {
    if (input.byte() > 5) throw malformed();
  },
  [OP.FRAME]: (_, input) => {
    if (input.uint64() > input.left) throw malformed();
  },
  [OP.MARK]: (machine) => machine.mark(),
  [OP.POP]: (machine) => machine.drop(),
  [OP.POP_MARK]: (machine) => void machine.popMark(),
  [OP.DUP]: (machine) => machine.push(machine.top()),

  [OP.NONE]: pushes(() => null),
  [OP.NEWTRUE]: pushes(() => true),
  [OP.NEWFALSE]: pushes(() => false),
  [OP.INT]: pushes((input) => {
    const text = input.line();
    return text === "00" ? false : text === "01" ? true : decimal(text);
  }),
  [OP.BININT]: pushes((input) => input.int32()),
  [OP.BININT1]: pushes((input) => input.byte()),
  [OP.BININT2]: pushes((input) => input.uint16()),
  [OP.LONG]: pushes((input) => decimal(input.line().replace(/L$/, ""))),
  [OP.LONG1]: pushes((input) => long(input, input.byte())),
  [OP.LONG4]: pushes((input) => long(input, input.int32())),
  [OP.FLOAT]: pushes((input) => float(input.line())),
  [OP.BINFLOAT]: pushes((input) => new PyFloat(input.double())),

  [OP.STRING]: pushes((input) => unquoted(input.line())),
  [OP.BINSTRING]: pushes((input) => input.ascii(input.int32())),
  [OP.SHORT_BINSTRING]: pushes((input) => input.ascii(input.byte())),
  [OP.UNICODE]: pushes((input) => rawUnicode(input.line())),
  [OP.SHORT_BINUNICODE]: pushes((input) => input.text(input.byte())),
  [OP.BINUNICODE]: pushes((input) => input.text(input.uint32())),
  [OP.BINUNICODE8]: pushes((input) => input.text(input.uint64())),
  [OP.SHORT_BINBYTES]: pushes((input) => Uint8Array.from(input.take(input.byte()))),
  [OP.BINBYTES]: pushes((input) => Uint8Array.from(input.take(input.uint32()))),
  [OP.BINBYTES8]: pushes((input) => Uint8Array.from(input.take(input.uint64()))),

  [OP.EMPTY_TUPLE]: (machine) => machine.tuple(0),
  [OP.TUPLE1]: (machine) => machine.tuple(1),
  [OP.TUPLE2]: (machine) => machine.tuple(2),
  [OP.TUPLE3]: (machine) => machine.tuple(3),
  [OP.TUPLE]: (machine) => machine.push(new PyTuple(machine.popMark())),
  [OP.EMPTY_LIST]: pushes(() => []),
  [OP.LIST]: (machine) => machine.push(machine.popMark()),
  [OP.APPEND]: (machine) => machine.append([machine.pop()]),
  [OP.APPENDS]: (machine) => machine.append(machine.popMark()),
  [OP.EMPTY_DICT]: pushes(() => new PyDict()),
  [OP.DICT]: (machine) => machine.dict(),
  [OP.SETITEM]: (machine) => {
    const value = machine.pop();
    machine.setItems([machine.pop(), value]);
  },
  [OP.SETITEMS]: (machine) => machine.setItems(machine.popMark()),
  [OP.EMPTY_SET]: pushes(() => new PySet([], false)),
  [OP.ADDITEMS]: (machine) => machine.add(machine.popMark()),
  [OP.FROZENSET]: (machine) => machine.push(new PySet(machine.popMark(), true)),

  [OP.PUT]: (machine, input) => machine.remember(place(input, index(input.line()))),
  [OP.BINPUT]: (machine, input) => machine.remember(place(input, input.byte())),
  [OP.LONG_BINPUT]: (machine, input) => machine.remember(place(input, input.uint32())),
  [OP.MEMOIZE]: (machine) => machine.remember(),
  [OP.GET]: (machine, input) => machine.recall(index(input.line())),
  [OP.BINGET]: (machine, input) => machine.recall(input.byte()),
  [OP.LONG_BINGET]: (machine, input) => machine.recall(input.uint32()),

  [OP.GLOBAL]: pushes((input) => knownGlobal(input.line(), input.line())),
  [OP.STACK_GLOBAL]: (machine) => {
    const name = machine.pop();
    const module = machine.pop();
    if (typeof module !== "string" || typeof name !== "string") throw malformed();
    machine.push(knownGlobal(module, name));
  },
  [OP.REDUCE]: (machine) => {
    const args = machine.pop();
    machine.spend(costOf(args));
    machine.push(called(machine.pop(), args));
  },
  [OP.NEWOBJ]: (machine) => {
    const args = machine.pop();
    machine.push(newObject(machine.pop(), args));
  },
  [OP.BUILD]: (machine) => {
    const state = machine.pop();
    build(machine.top(), state);
  },
};

function decimal(text: string): PyValue {
  if (!/^[-+]?[0-9]+$/.test(text)) throw malformed();
  const value = intOf(text.replace("+", ""));
  if (value === undefined) throw tooLarge();
  return value;
}

function long(input: PickleInput, length: number): PyValue {
  if (length > MAX_INT_BYTES) throw tooLarge();
  return readLong(input.take(length));
}

function float(text: string): PyValue {
  const word = /^([-+]?)(?:(nan)|(inf(?:inity)?))$/i.exec(text);
  if (word !== null) {
    const size = word[2] === undefined ? Number.POSITIVE_INFINITY : Number.NaN;
    return new PyFloat(word[1] === "-" ? -size : size);
  }
  if (!/^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[-+]?[0-9]+)?$/i.test(text)) throw malformed();
  return new PyFloat(Number(text));
}

function index(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw malformed();
  return Number(text);
}

/** A place in the memo: no pickler uses more of them than it writes bytes, and Python makes room for as many as the number says. */
function place(input: PickleInput, number: number): number {
  if (number > input.position) throw malformed();
  return number;
}

function tooLarge(): CodecError {
  return new CodecError("size", "The pickle has an integer that is too large");
}
