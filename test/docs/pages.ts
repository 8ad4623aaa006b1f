import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's folder. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** The text of a file of the repository. */
export function textOf(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** The code blocks of a page in one language, in order. */
export function blocksOf(page: string, language: string): string[] {
  return [...textOf(page).matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map(([, code]) => code ?? "");
}

/** The code block of a page that begins with `// file: ` and this name. */
export function fileOf(page: string, name: string): string {
  const code = blocksOf(page, "ts").find((block) => block.startsWith(`// file: ${name}\n`));
  if (code === undefined) throw new Error(`${page} has no ${name}`);
  return code;
}

/** The files under a folder whose names end like this, as paths from the repository's folder. */
export function filesUnder(folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .toSorted();
}
