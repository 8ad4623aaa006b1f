/** A Python float; a bare number is an int. */
export class PyFloat {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** A Python tuple; an array is a list. */
export class PyTuple {
  readonly items: readonly PyValue[];

  constructor(items: readonly PyValue[]) {
    this.items = items;
  }
}

/** A Python set or frozenset, in the order in which it was written. */
export class PySet {
  readonly items: PyValue[];
  readonly frozen: boolean;

  constructor(items: PyValue[], frozen: boolean) {
    this.items = items;
    this.frozen = frozen;
  }
}

/** What can be a key of a dict here. */
export type PyKey = string | number | bigint | boolean | null | PyFloat;

/** A Python dict. Entries are found by their keys' text; a key that is no str is kept beside it. */
export class PyDict {
  readonly values = new Map<string, PyValue>();
  /** The keys that are not str, by their text; absent while there are none. */
  otherKeys: Map<string, PyKey> | undefined;
}

/** The name of a class or function of Python's, never the thing itself. */
export class PyGlobal {
  readonly module: string;
  readonly name: string;

  constructor(module: string, name: string) {
    this.module = module;
    this.name = name;
  }
}

/**
 * A value that Python makes by calling something, such as a datetime: what would be called, with what. Nothing is ever called here.
 */
export class PyCall {
  readonly callee: PyGlobal | PyCall;
  readonly args: PyTuple;
  /** How Python makes it: by calling, or by `__new__` and then giving it a state. */
  readonly made: "call" | "new";
  /** Given once, after what is made `new` was put in its place. */
  state: PyDict | undefined;

  constructor(callee: PyGlobal | PyCall, args: PyTuple, made: "call" | "new" = "call", state?: PyDict) {
    this.callee = callee;
    this.args = args;
    this.made = made;
    this.state = state;
  }
}

/**
 * A value as Python has it, with what JavaScript has no word for: null is None, a number is an int within ±(2^53 - 1), a bigint an int
 * beyond, an array a list, a `Uint8Array` bytes.
 */
export type PyValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PyFloat
  | PyTuple
  | PySet
  | PyDict
  | PyCall
  | PyGlobal
  | PyValue[];

/** An int in the form that {@link PyValue} gives it. */
export function pyInt(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** The most tuples that stand in each other in a set. */
const TUPLES = 100;

/** True for what can be in a set: no list, dict or set that can change, and no tuple with one in it. */
export function isHashable(value: PyValue, tuples = 0): boolean {
  if (value instanceof PyTuple) return tuples < TUPLES && value.items.every((item) => isHashable(item, tuples + 1));
  return !(Array.isArray(value) || value instanceof PyDict || (value instanceof PySet && !value.frozen));
}
