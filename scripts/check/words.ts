import { extname } from "node:path";
import type { Step } from "./step.ts";
import { filesOf, lineAt, textOf } from "./tree.ts";

/** What may stand in no file of the project, or in none of some kind. */
const FORBIDDEN: readonly { readonly words: RegExp; readonly says: string; readonly files?: RegExp }[] = [
  { words: /(?<![\w.-])\/(?:work|farm|root|home|Users)\/\w/g, says: "a path of somebody's machine" },
  { words: /(?<![\w.-])[A-Z]:\\\\?Users\b/g, says: "a path of somebody's machine" },
  { words: /\b(?:registry|npm)\.(?:npmjs|yarnpkg|jsr|npmmirror)\.\w+/g, says: "the host of a package registry" },
  { words: /\bregistry\.(?:yarnpkg|npmjs)\b/g, says: "the host of a package registry" },
  {
    words: /(?:ox|es|ts|biome-)(?:lint|ignore)-(?:disable|ignore)/g,
    says: "a lint rule switched off in place",
    files: /\.[cm]?[jt]s$/,
  },
  { words: /@ts-(?:ignore|nocheck)/g, says: "the compiler switched off in place", files: /\.[cm]?[jt]s$/ },
];
const TEXT = new Set([
  ".ts",
  ".mts",
  ".js",
  ".mjs",
  ".cjs",
  ".json",
  ".md",
  ".yml",
  ".yaml",
  ".html",
  ".css",
  ".sh",
  ".sql",
  ".txt",
  "",
]);

/** No machine's paths, no registry's hosts, no check switched off. */
export const words: Step = {
  name: "words",
  title: "no paths of a machine, no registry hosts, no checks switched off",
  run: ({ root }) => {
    return filesOf(root, (path) => TEXT.has(extname(path)) || path.startsWith(".")).flatMap((path) => {
      const text = textOf(root, path);
      return FORBIDDEN.filter(({ files }) => files?.test(path) ?? true).flatMap(({ words: pattern, says }) => {
        return [...text.matchAll(pattern)].map(
          (found) => `${path}:${lineAt(text, found.index)}: \`${found[0]}\` is ${says}`,
        );
      });
    });
  },
};
