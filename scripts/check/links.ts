import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { anchorsOf, codeWords, type Page, parsePage } from "./markdown.ts";
import type { Step } from "./step.ts";
import { filesOf, lineAt, textOf } from "./tree.ts";

/** Links of the README and the documentation lead somewhere, anchors included; so do the pages that the sources name. */
export const links: Step = {
  name: "links",
  title: "links and anchors of the documentation",
  run: ({ root }) => {
    const pages = new Map<string, Page>();
    const pageOf = (path: string): Page => {
      const page = pages.get(path) ?? parsePage(textOf(root, path));
      pages.set(path, page);
      return page;
    };
    const documents = filesOf(root, (path) => path.endsWith(".md"));
    const broken = documents.flatMap((path) => [
      ...pageOf(path).links.flatMap(({ target, line }) => {
        const fault = faultOf(root, path, target, pageOf);
        return fault === undefined ? [] : [`${path}:${line}: ${fault}`];
      }),
      ...namedPaths(root, path, pageOf(path)),
    ]);
    return documents.includes("README.md") ? [...broken, ...namedPages(root)] : ["README.md: missing", ...broken];
  },
};

function faultOf(root: string, path: string, link: string, pageOf: (path: string) => Page): string | undefined {
  if (/^(https?:|mailto:)/.test(link)) return undefined;
  if (/^[a-z]+:|^\//i.test(link)) return `the link ${link} is neither relative nor of the web`;
  const [file = "", anchor] = decodeURI(link).split("#");
  const target = file === "" ? path : posix.join(posix.dirname(path), file);
  if (target.startsWith("..") || !existsSync(join(root, target))) return `the link ${link} leads to no file`;
  if (anchor === undefined || anchor === "") return undefined;
  if (!target.endsWith(".md"))
    return /^L\d+(-L\d+)?$/.test(anchor) ? undefined : `the link ${link} has an anchor that is no line`;
  return anchorsOf(pageOf(target)).has(anchor) ? undefined : `the link ${link} names a heading that is not there`;
}

/** Files and folders of ours that a page names in `code` marks. */
function namedPaths(root: string, path: string, { prose }: Page): string[] {
  return prose.flatMap((text, index) => {
    return codeWords(text)
      .filter((word) => /^(src|docs|test|scripts|examples)\/[\w./-]*\w$/.test(word) && !existsSync(join(root, word)))
      .map((word) => `${path}:${index + 1}: there is no ${word}`);
  });
}

/** Pages that comments and messages speak of: `docs/reference/errors.md`. */
function namedPages(root: string): string[] {
  return filesOf(root, (path) => /^(src|examples|scripts)\/.*\.[cm]?[jt]s$/.test(path)).flatMap((path) => {
    const text = textOf(root, path);
    return [...text.matchAll(/\b(?:docs\/[\w./-]+|[A-Z]+)\.md\b/g)]
      .filter(([name]) => !existsSync(join(root, name)))
      .map((found) => `${path}:${lineAt(text, found.index)}: there is no ${found[0]}`);
  });
}
