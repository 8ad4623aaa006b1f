import { entriesOf, manifestOf } from "../../scripts/check/manifest.ts";

/** What an application imports at its start. */
export interface Subject {
  readonly name: string;
  readonly specifiers: readonly string[];
}

/** Frameworks, which an application has in any case: what they bring is nobody's here. */
export const FRAMEWORKS = ["express", "fastify", "koa", "hono", "h3"];

/** Every subpath by itself, the two that an application usually needs, and other libraries. */
export function subjectsOf(root: string): readonly Subject[] {
  const { entries } = entriesOf(manifestOf(root));
  const own = entries.map(({ subpath }) => subpath.replace(/^\./, "sojourn")).map((name) => ({ name, specifiers: [name] }));
  const together = ["express", "fastify", "hono", "fetch"].map((adapter) => ({
    name: `sojourn and sojourn/${adapter}`,
    specifiers: ["sojourn", `sojourn/${adapter}`],
  }));
  const peers = [
    { name: "express-session", specifiers: ["express-session"] },
    { name: "cookie-session", specifiers: ["cookie-session"] },
    { name: "@fastify/session and @fastify/cookie", specifiers: ["@fastify/cookie", "@fastify/session"] },
    { name: "hono-sessions", specifiers: ["hono-sessions"] },
    { name: "iron-session", specifiers: ["iron-session"] },
  ];
  return [...together, ...peers, ...own];
}
