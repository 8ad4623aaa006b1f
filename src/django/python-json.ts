import { READ_DEPTH, WRITE_DEPTH } from "./python/limits.ts";
import { pythonOf } from "./python/from-plain.ts";
import { readPythonJson } from "./python/json-read.ts";
import { writePythonJson } from "./python/json-write.ts";
import { plainOf } from "./python/to-plain.ts";

/**
 * Data ↔ the plain text of a Python serializer, without loss: what was read and not changed is written as it stood. For a pickle, each
 * character of the text is one byte.
 */
export interface PythonSerializer {
  /** Django's name: `json` or `pickle`. */
  readonly name: "json" | "pickle";
  /**
   * @param base the plain text that the value was read from
   * @throws {CodecError} reason `value` for what cannot be carried
   */
  stringify(value: Readonly<Record<string, unknown>>, base?: string): string;
  /** @throws {CodecError} reason `format` or `size` */
  parse(plain: string): Record<string, unknown>;
}

/**
 * `django.contrib.sessions.serializers.JSONSerializer`, without loss: ints beyond 2^53 are BigInts, floats and ints stay apart, NaN and the
 * infinities are numbers, keys keep their order. `docs/django/values.md` has the whole table.
 */
export const pythonJson: PythonSerializer = Object.freeze({
  name: "json",
  stringify(value: Readonly<Record<string, unknown>>, base?: string): string {
    const old = base === undefined ? undefined : readPythonJson(base, READ_DEPTH);
    const written = pythonOf(value, old, { rich: false, maxDepth: WRITE_DEPTH });
    // The very same value: the text stays as it is, however Django wrote it.
    return written === old && base !== undefined ? base : writePythonJson(written);
  },
  parse: (plain: string) => plainOf(readPythonJson(plain, READ_DEPTH), READ_DEPTH),
} satisfies PythonSerializer);
