import { pyInt } from "./values.ts";

/** An int of little-endian two's complement bytes, as pickles have it. */
export function readLong(bytes: Uint8Array): number | bigint {
  const { byteLength } = bytes;
  if (byteLength === 0) return 0;
  const hex = Buffer.from(bytes).reverse().toString("hex");
  const value = BigInt(`0x${hex}`);
  const isNegative = (bytes[byteLength - 1] ?? 0) > 0x7f;
  return pyInt(isNegative ? value - (1n << BigInt(byteLength * 8)) : value);
}

/** The bytes of {@link readLong}, as few as there can be. */
export function writeLong(value: bigint): Buffer {
  if (value === 0n) return Buffer.alloc(0);
  // One bit more than the magnitude has, for the sign.
  const magnitude = value < 0n ? -value - 1n : value;
  const size = Math.floor(magnitude.toString(16).length / 2) + 1;
  const hex = BigInt.asUintN(size * 8, value)
    .toString(16)
    .padStart(size * 2, "0");
  const bytes = Buffer.from(hex, "hex").reverse();
  const last = bytes[size - 1] ?? 0;
  const beforeLast = bytes[size - 2];
  // The estimate may be a byte too long: a byte that only repeats the sign is left out.
  const spare = beforeLast !== undefined && ((last === 0 && beforeLast < 0x80) || (last === 0xff && beforeLast > 0x7f));
  return spare ? bytes.subarray(0, size - 1) : bytes;
}
