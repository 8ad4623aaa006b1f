/**
 * Several texts or byte strings as one, each with its length in front, so that no two different lists give the same bytes.
 * Text must be well formed: a lone surrogate has no UTF-8.
 */
export function framed(fields: readonly (string | Uint8Array)[]): Buffer {
  const all = Buffer.allocUnsafe(fields.reduce((sum, field) => sum + 4 + Buffer.byteLength(field), 0));
  let at = 0;
  for (const field of fields) {
    const length = typeof field === "string" ? all.write(field, at + 4) : copied(field, all, at + 4);
    at = all.writeUInt32BE(length, at) + length;
  }
  return all;
}

function copied(bytes: Uint8Array, into: Buffer, at: number): number {
  into.set(bytes, at);
  return bytes.byteLength;
}
