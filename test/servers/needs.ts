import { programOf, SERVERS, type ServerName } from "./programs.ts";

/**
 * Whether a suite on a real server can run, for `describe` or `test`: `false`, or the reason why it is left out, which is printed.
 * `STORES=redis,postgres` narrows a run to those suites.
 *
 * ```ts
 * describe("redis store", { skip: needs("redis") }, () => { … });
 * ```
 *
 * @throws {Error} under `CI=true`, when the server is not installed: nothing is left out there
 */
export function needs(...names: readonly ServerName[]): false | string {
  const chosen = (process.env["STORES"] ?? "").split(/[\s,]+/).filter((each) => each !== "");
  for (const name of names) {
    if (chosen.length > 0 && !chosen.includes(name)) return left(`STORES does not name ${name}`);
  }
  const missing = names.filter((name) => programOf(name) === undefined);
  if (missing.length === 0) return false;
  const programs = missing.map((name) => SERVERS[name].program).join(", ");
  const reason = `${programs} not installed; \`npm run servers\` installs what is missing`;
  if (process.env["CI"] === "true") throw new Error(reason);
  return left(reason);
}

const said = new Set<string>();

function left(reason: string): string {
  // A skipped suite's reason is easily lost between the lines of the others.
  if (!said.has(reason)) console.log(`# left out: ${reason}`);
  said.add(reason);
  return reason;
}
