import { mkdirSync, writeFileSync } from "node:fs";

const PANELS = [
  {
    title: "Counter (read and write), memory store",
    rows: [
      "sojourn-express-memory",
      "express-session-memory",
      "sojourn-fastify-memory",
      "fastify-session-memory",
      "mgcrea-session-memory",
      "sojourn-hono-memory",
      "hono-sessions-memory",
    ],
  },
  {
    title: "Counter, Redis",
    rows: [
      "sojourn-express-redis",
      "express-session-redis",
      "sojourn-fastify-ioredis",
      "mgcrea-session-redis",
      "sojourn-fastify-redis",
      "fastify-session-redis",
    ],
  },
  { title: "Counter, SQLite", rows: ["sojourn-express-sqlite", "express-session-sqlite", "django-sqlite"] },
  {
    title: "Counter, in the cookie",
    rows: [
      "sojourn-http-cookie",
      "iron-session",
      "sojourn-fastify-cookie",
      "secure-session",
      "sojourn-koa-cookie",
      "koa-session-cookie",
      "sojourn-express-cookie",
      "cookie-session",
    ],
  },
];
const [LABEL, WIDTH, BAR, GAP, HEAD] = [210, 720, 16, 6, 34];

/** Draws the processor time that each library adds to a request that counts, as bars; ours are filled, with the spread as a line. */
export function plot(results, file) {
  const parts = [];
  let y = 28;
  for (const { title, rows } of PANELS) {
    const shown = rows.filter((name) => results[name]?.D !== undefined);
    if (shown.length === 0) continue;
    const most = Math.max(...shown.map((name) => results[name].D.added.high));
    const scale = (WIDTH - LABEL - 90) / most;
    parts.push(`<text x="0" y="${y}" class="title">${title}</text>`);
    y += 12;
    for (const name of shown) {
      const { median, low, high } = results[name].D.added;
      const at = (value) => (LABEL + Math.max(0, value) * scale).toFixed(1);
      const middle = y + BAR / 2;
      parts.push(
        `<text x="${LABEL - 8}" y="${y + 12}" text-anchor="end">${name}</text>`,
        `<rect x="${LABEL}" y="${y}" width="${(Math.max(0, median) * scale).toFixed(1)}" height="${BAR}" class="${name.startsWith("sojourn") ? "own" : "other"}"/>`,
        `<line x1="${at(low)}" x2="${at(high)}" y1="${middle}" y2="${middle}"/>`,
        `<text x="${(LABEL + Math.max(0, high) * scale + 8).toFixed(1)}" y="${y + 12}">${median.toFixed(median < 10 ? 1 : 0)} µs</text>`,
      );
      y += BAR + GAP;
    }
    y += HEAD;
  }
  const style =
    "text{font:12px system-ui,sans-serif;fill:#444}.title{font-weight:600;fill:#111}.own{fill:#0a7d5a}.other{fill:#b9c2c9}line{stroke:#333;stroke-width:1}" +
    "@media(prefers-color-scheme:dark){text{fill:#bbb}.title{fill:#eee}.other{fill:#566}line{stroke:#ddd}}";
  const label =
    "Processor time that a session library adds to one request that reads and writes the session, in microseconds; less is better";
  mkdirSync(new URL(".", file), { recursive: true });
  writeFileSync(
    file,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y - HEAD + 8}" role="img" aria-label="${label}"><style>${style}</style><text x="0" y="12">Processor time that a library adds to a request that reads and writes its session; less is better</text>${parts.join("\n")}</svg>\n`,
  );
}
