import { readFileSync } from "node:fs";

/** One case, made by a real Django. `meta.kinds` of the file says what the fields of each kind mean. */
export interface Vector {
  readonly id: string;
  readonly kind: string;
  readonly note?: string;
  readonly secret: string;
  readonly fallbacks?: readonly string[];
  readonly salt: string;
  readonly timestamp: number;
  readonly session?: Record<string, unknown>;
  readonly session_json: string;
  readonly session_data: string;
  readonly compressed?: boolean;
  readonly expect: unknown;
  readonly django_3_2?: unknown;
  readonly informative?: boolean;
  readonly accepted?: boolean;
  readonly [field: string]: unknown;
}

const FILE = new URL("../fixtures/django/vectors.json", import.meta.url);
const { vectors } = JSON.parse(readFileSync(FILE, "utf8")) as { readonly vectors: readonly Vector[] };

/** All cases. */
export const ALL_VECTORS = vectors;

/** The cases of some kinds. */
export function vectorsOf(...kinds: readonly string[]): readonly Vector[] {
  return vectors.filter(({ kind }) => kinds.includes(kind));
}
