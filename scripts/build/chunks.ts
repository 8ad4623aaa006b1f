import type { CodeSplittingGroup } from "rolldown";

/**
 * What shares a file in `dist/chunks/`, from what everything is built on up to what is built on it. To open a file costs as much as to
 * read some 20 KB more, so what is used together stands together. What has to stay apart: what needs a builtin from what does not,
 * and what calls something when it is loaded from those who do not use it, because the bundler of an application cannot leave that
 * out of a file of which it needs the rest. `bench/startup.ts` shows both.
 *
 * A module goes to the first group that names it or something that imports it; what no group has goes to those who import it.
 */
const CHUNKS: readonly (readonly [name: string, sources: RegExp])[] = [
  ["contract", /^core\/(store|record|id|errors|clock|events|plain|store-limit|store-health)$/],
  ["cookies", /^(cookie\/|crypto\/constant-time$)/],
  ["keys", /^crypto\//],
  ["codec", /^codec\/(codec|json-check|json-text|mark)$/],
  ["core", /^(core\/|codec\/json$|middleware\/(exchange|sent-id|vary|with-headers)$)/],
  ["request", /^adapters\/_(error-answer|session-request)$/],
  ["response", /^adapters\/_attach$/],
  ["clients", /^stores\/(sql\/(failures|checked-out|dialects\/(mysql|postgres)\/failures)|(mysql|postgres)\/clients)$/],
  ["sql", /^stores\/sql\/(?!statements)[^/]+$/],
  ["mysql-dialect", /^stores\/sql\/dialects\/mysql\//],
  ["postgres-dialect", /^stores\/sql\/dialects\/postgres\//],
  ["sqlite-tables", /^stores\/sql\/dialects\/sqlite\/(results|tables)$/],
  ["keyed", /^stores\/keyed\//],
  ["redis", /^stores\/redis(\/|$)/],
  // What reads the URL of a store is used by the root alone.
  ...["cached", "cookie", "file", "memcached", "memory", "mysql", "near", "postgres", "sqlite"].map(
    (store) => [store, new RegExp(`^stores/${store}(/(?!from-url$|url$)|$)`)] as const,
  ),
  ["django", /^django\/(?!index$)/],
];

/** The same, as the bundler wants it. */
export const groups: CodeSplittingGroup[] = CHUNKS.map(([name, sources], index) => ({
  name,
  test: (id: string) => {
    const stem = /[\\/]src[\\/](?<stem>.+)\.ts$/.exec(id)?.groups?.stem?.replaceAll("\\", "/");
    return stem !== undefined && sources.test(stem);
  },
  priority: CHUNKS.length - index,
}));
