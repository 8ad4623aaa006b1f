import { OP } from "./python/pickle-ops.ts";
import { PickleOutput } from "./python/pickle-output.ts";
import { writeLong } from "./python/longs.ts";
import { PyCall, PyDict, PyFloat, PyGlobal, PySet, PyTuple, type PyValue } from "./python/values.ts";
import { encodeWtf8 } from "./python/wtf8.ts";

/** How many items CPython's pickler puts between two marks. */
const BATCH = 1000;

/** Options of {@link writePickle}. */
export interface WritePickleOptions {
  /** Default 5, what Django's caches write on Python 3.8 and later. The two differ in the version byte alone. */
  readonly protocol?: 4 | 5;
}

/**
 * The pickle of a value, in the bytes of CPython's own pickler: the same opcodes, memo, batches and frames. Equal strings are written
 * once, as Python does with strings that are one object.
 */
export function writePickle(value: PyValue, { protocol = 5 }: WritePickleOptions = {}): Buffer {
  const pickler = new Pickler(protocol);
  pickler.save(value);
  return pickler.end();
}

class Pickler {
  readonly #out: PickleOutput;
  /** Where in the memo a string or an object stands. Names of things are no strings of the session: they begin with a tag. */
  readonly #memo = new Map<string | object, number>();

  constructor(protocol: number) {
    this.#out = new PickleOutput(Buffer.of(OP.PROTO, protocol));
  }

  end(): Buffer {
    this.#out.byte(OP.STOP);
    return this.#out.end();
  }

  save(value: PyValue): void {
    this.#out.boundary();
    switch (typeof value) {
      case "string":
        return this.#string(value, `s${value}`);
      case "number":
        return this.#int(value);
      case "bigint":
        return this.#long(value);
      case "boolean":
        return this.#out.byte(value ? OP.NEWTRUE : OP.NEWFALSE);
      case "object":
        return value === null ? this.#out.byte(OP.NONE) : this.#object(value);
      default:
        return value satisfies never;
    }
  }

  #object(value: Exclude<PyValue, null | string | number | bigint | boolean>): void {
    if (value instanceof PyFloat) {
      const bytes = Buffer.alloc(9);
      bytes[0] = OP.BINFLOAT;
      bytes.writeDoubleBE(value.value, 1);
      return this.#out.write(bytes);
    }
    if (this.#isKnown(value)) return;
    if (value instanceof PyDict) return this.#dict(value);
    if (value instanceof PyTuple) return this.#tuple(value);
    if (value instanceof PySet) return this.#set(value);
    if (value instanceof PyCall) return this.#call(value);
    if (value instanceof PyGlobal) return this.#global(value);
    if (value instanceof Uint8Array) return this.#bytes(value);
    return this.#list(value);
  }

  #int(value: number): void {
    const bytes = Buffer.alloc(5);
    if (value >= 0 && value <= 0xffff) {
      bytes.writeUInt16LE(value, 1);
      bytes[0] = value <= 0xff ? OP.BININT1 : OP.BININT2;
      return this.#out.write(bytes.subarray(0, value <= 0xff ? 2 : 3));
    }
    if (value < -0x8000_0000 || value > 0x7fff_ffff) return this.#long(BigInt(value));
    bytes[0] = OP.BININT;
    bytes.writeInt32LE(value, 1);
    this.#out.write(bytes);
  }

  #long(value: bigint): void {
    const bytes = writeLong(value);
    this.#out.write(lengthHeader(bytes.byteLength, OP.LONG1, OP.LONG4));
    this.#out.write(bytes);
  }

  #string(value: string, key: string): void {
    if (this.#isKnown(key)) return;
    const bytes = encodeWtf8(value);
    this.#out.payload(lengthHeader(bytes.byteLength, OP.SHORT_BINUNICODE, OP.BINUNICODE), bytes);
    this.#remember(key);
  }

  #bytes(value: Uint8Array): void {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    this.#out.payload(lengthHeader(bytes.byteLength, OP.SHORT_BINBYTES, OP.BINBYTES), bytes);
    this.#remember(value);
  }

  #list(value: readonly PyValue[]): void {
    this.#out.byte(OP.EMPTY_LIST);
    this.#remember(value);
    if (value.length === 1) {
      this.save(value[0] ?? null);
      return this.#out.byte(OP.APPEND);
    }
    for (let start = 0; start < value.length; start += BATCH) {
      this.#out.byte(OP.MARK);
      for (const item of value.slice(start, start + BATCH)) this.save(item);
      this.#out.byte(OP.APPENDS);
    }
  }

  #dict(value: PyDict): void {
    this.#out.byte(OP.EMPTY_DICT);
    this.#remember(value);
    const { size } = value.values;
    if (size === 0) return;
    if (size === 1) {
      this.#entries(value, [...value.values]);
      return this.#out.byte(OP.SETITEM);
    }
    const entries = [...value.values];
    // A full batch is followed by another one, if need be by an empty one.
    for (let start = 0; start <= size; start += BATCH) {
      this.#out.byte(OP.MARK);
      this.#entries(value, entries.slice(start, start + BATCH));
      this.#out.byte(OP.SETITEMS);
    }
  }

  #entries({ otherKeys }: PyDict, entries: readonly (readonly [string, PyValue])[]): void {
    for (const [text, item] of entries) {
      const other = otherKeys?.get(text);
      this.save(other === undefined ? text : other);
      this.save(item);
    }
  }

  #set(value: PySet): void {
    if (value.frozen) {
      this.#out.byte(OP.MARK);
      for (const item of value.items) this.save(item);
      this.#out.byte(OP.FROZENSET);
      return this.#remember(value);
    }
    this.#out.byte(OP.EMPTY_SET);
    this.#remember(value);
    const { items } = value;
    if (items.length === 0) return;
    // As with a dict: a full batch is followed by another one.
    for (let start = 0; start <= items.length; start += BATCH) {
      this.#out.byte(OP.MARK);
      for (const item of items.slice(start, start + BATCH)) this.save(item);
      this.#out.byte(OP.ADDITEMS);
    }
  }

  #tuple(value: PyTuple): void {
    const { items } = value;
    if (items.length === 0) return this.#out.byte(OP.EMPTY_TUPLE);
    if (items.length > 3) this.#out.byte(OP.MARK);
    for (const item of items) this.save(item);
    this.#out.byte([OP.TUPLE1, OP.TUPLE2, OP.TUPLE3][items.length - 1] ?? OP.TUPLE);
    this.#remember(value);
  }

  #call(value: PyCall): void {
    this.save(value.callee);
    this.save(value.args);
    this.#out.byte(value.made === "call" ? OP.REDUCE : OP.NEWOBJ);
    this.#remember(value);
    if (value.state === undefined) return;
    this.save(value.state);
    this.#out.byte(OP.BUILD);
  }

  #global(value: PyGlobal): void {
    // One class is one object in Python, however often its name was read.
    const key = `g${value.module}.${value.name}`;
    if (this.#isKnown(key)) return;
    this.#string(value.module, `s${value.module}`);
    this.#string(value.name, `n${value.name}`);
    this.#out.byte(OP.STACK_GLOBAL);
    this.#remember(key);
  }

  /** Writes where it stands, if it was written before. */
  #isKnown(key: string | object): boolean {
    const index = this.#memo.get(key);
    if (index === undefined) return false;
    this.#out.write(lengthHeader(index, OP.BINGET, OP.LONG_BINGET));
    return true;
  }

  #remember(key: string | object): void {
    this.#memo.set(key, this.#memo.size);
    this.#out.byte(OP.MEMOIZE);
  }
}

/** An opcode and a number: one byte of it where that is enough, else four. */
function lengthHeader(value: number, short: number, long: number): Buffer {
  if (value <= 0xff) return Buffer.of(short, value);
  const bytes = Buffer.alloc(5);
  bytes[0] = long;
  bytes.writeUInt32LE(value, 1);
  return bytes;
}
