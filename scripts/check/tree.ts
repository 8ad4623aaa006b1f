import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const SKIPPED = new Set([".git", ".tmp", "coverage", "dist", "node_modules"]);

/**
 * The project's files under `root`, as paths with `/` relative to it, sorted; what is installed or built is left out.
 *
 * @param matches chooses by that path
 */
export function filesOf(root: string, matches: (path: string) => boolean = () => true): string[] {
  const found: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (SKIPPED.has(entry.name)) continue;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile() && matches(path)) found.push(path);
    }
  };
  walk("");
  return found.toSorted();
}

/** A file's text. */
export function textOf(root: string, path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** The number of the line, from 1, that holds the character at `offset`. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) line += 1;
  return line;
}
