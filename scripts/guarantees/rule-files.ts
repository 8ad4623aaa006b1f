import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = "src/testing/rules";
const folder = join(import.meta.dirname, "../..", FOLDER);
const texts = readdirSync(folder).map((name) => ({
  path: `${FOLDER}/${name}`,
  text: readFileSync(join(folder, name), "utf8"),
}));

/** Where a rule of the store kit is written, from the repository's folder. @throws {Error} when it is in no file, or in two */
export function fileOfRule(rule: string): string {
  const [found, ...others] = texts.filter(({ text }) => text.includes(`name: ${JSON.stringify(rule)}`));
  if (found === undefined || others.length > 0) throw new Error(`The rule "${rule}" is not in one file of ${FOLDER}`);
  return found.path;
}
