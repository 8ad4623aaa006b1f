const EXPRESS = ["memory", "sqlite", "redis", "postgres"];

/** The figure of a configuration and workload, or undefined where it was not measured. */
const figure = (results, name, workload, kind) => results[name]?.[workload]?.[kind];

/** The middle, the lowest and the highest that a ratio of two spreads may be. */
function ratio(ours, theirs) {
  if (ours === undefined || theirs === undefined || theirs.median <= 0) return undefined;
  // Less than nothing is noise about nothing.
  const at = (value) => Math.max(0, value);
  return {
    median: at(ours.median) / theirs.median,
    low: at(ours.low) / Math.max(theirs.high, 1e-9),
    high: theirs.low <= 0 ? Infinity : at(ours.high) / theirs.low,
  };
}

/** What the benchmark is to show, each with what it showed, and what one written by hand reaches: `{ goal, limit, atMost, ratio, floor }`. */
export function goals(results) {
  const share = (name, workload) => figure(results, name, workload, "share");
  const added = (name, workload) => figure(results, name, workload, "added");
  const atLeast = (goal, limit, measured, floor) => ({ goal, limit, atMost: false, ratio: measured, floor });
  const atMost = (goal, limit, measured, floor) => ({ goal, limit, atMost: true, ratio: measured, floor });
  const better = (workload, ...names) =>
    names
      .map((name) => added(name, workload))
      .filter((each) => each !== undefined)
      .toSorted((a, b) => a.median - b.median)[0];
  return [
    ...["http", "express", "fastify", "koa", "hono"].flatMap((framework) =>
      ["A", "B"].map((workload) =>
        atLeast(
          `${workload}, ${framework}: throughput against the bare server`,
          0.98,
          share(`sojourn-${framework}-memory`, workload),
          share(`floor-${framework}-nothing`, "A"),
        ),
      ),
    ),
    ...["memory", "sqlite", "redis", "ioredis", "postgres"].flatMap((store) =>
      ["C", "D"].map((workload) =>
        atLeast(
          `${workload}, ${store}: throughput against the hand-written floor`,
          0.95,
          ratio(share(`sojourn-http-${store}`, workload), share(`floor-http-${store}`, workload)),
        ),
      ),
    ),
    ...EXPRESS.flatMap((store) =>
      ["C", "D"].map((workload) =>
        atMost(
          `${workload}, ${store}: processor time against express-session`,
          ["memory", "sqlite"].includes(store) ? 1 / 8 : 1 / 3,
          ratio(added(`sojourn-express-${store}`, workload), added(`express-session-${store}`, workload)),
          ratio(added(`floor-express-${store}`, workload), added(`express-session-${store}`, workload)),
        ),
      ),
    ),
    ...[
      ["memory", "memory"],
      ["redis", "ioredis"],
    ].flatMap(([store, own]) =>
      ["C", "D"].map((workload) =>
        atMost(
          `${workload}, Fastify, ${store}: processor time against the better of @fastify/session and @mgcrea/fastify-session`,
          0.7,
          ratio(
            better(workload, `sojourn-fastify-${store}`, `sojourn-fastify-${own}`),
            better(workload, `fastify-session-${store}`, `mgcrea-session-${store}`),
          ),
          ratio(
            added(`floor-fastify-${own}`, workload),
            better(workload, `fastify-session-${store}`, `mgcrea-session-${store}`),
          ),
        ),
      ),
    ),
    ...[
      ["C", 1 / 20, 1.3],
      ["D", 1 / 15, 0.8],
    ].flatMap(([workload, iron, secure]) => [
      atMost(
        `${workload}, cookie: processor time against iron-session`,
        iron,
        ratio(added("sojourn-http-cookie", workload), added("iron-session", workload)),
        ratio(added("floor-http-cookie", workload), added("iron-session", workload)),
      ),
      atMost(
        `${workload}, cookie, Fastify: processor time against @fastify/secure-session`,
        secure,
        ratio(added("sojourn-fastify-cookie", workload), added("secure-session", workload)),
        ratio(added("floor-fastify-cookie", workload), added("secure-session", workload)),
      ),
    ]),
    atMost(
      "F, 100 KB, memory: processor time against express-session",
      1 / 5,
      ratio(added("sojourn-express-memory", "F100"), added("express-session-memory", "F100")),
      ratio(added("floor-express-memory", "F100"), added("express-session-memory", "F100")),
    ),
    atMost(
      "H, a misshapen cookie, memory: processor time against reading a session",
      1,
      ratio(added("sojourn-http-memory", "H1"), added("sojourn-http-memory", "C")),
    ),
    atLeast(
      "near cache, C: throughput against Redis without it",
      3,
      ratio(share("sojourn-http-near-redis", "C"), share("sojourn-http-redis", "C")),
    ),
  ].filter(({ ratio: measured }) => measured !== undefined);
}
