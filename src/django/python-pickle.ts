import { readPickle } from "./pickle-read.ts";
import { writePickle, type WritePickleOptions } from "./pickle-write.ts";
import { pythonOf } from "./python/from-plain.ts";
import { READ_DEPTH, WRITE_DEPTH } from "./python/limits.ts";
import { plainOf } from "./python/to-plain.ts";
import type { PythonSerializer } from "./python-json.ts";

/**
 * Pickled dictionaries, as Django's caches store them and its `PickleSerializer` wrote them: read by a reader that knows plain data alone
 * and never runs anything, and written so that what was not touched comes back as the same Python value. The plain text has one
 * character for each byte (Latin-1).
 */
export function pythonPickle(options: WritePickleOptions = {}): PythonSerializer {
  const { protocol = 5 } = options;
  if (protocol !== 4 && protocol !== 5) throw new TypeError("pythonPickle: protocol must be 4 or 5.");
  const read = (plain: string) => readPickle(Buffer.from(plain, "latin1")).value;
  return Object.freeze({
    name: "pickle",
    stringify(value: Readonly<Record<string, unknown>>, base?: string): string {
      const old = base === undefined ? undefined : read(base);
      const written = pythonOf(value, old, { rich: true, maxDepth: WRITE_DEPTH });
      return written === old && base !== undefined ? base : writePickle(written, { protocol }).toString("latin1");
    },
    parse: (plain: string) => plainOf(read(plain), READ_DEPTH),
  } satisfies PythonSerializer);
}
