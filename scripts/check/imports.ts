import { parseSync } from "oxc-parser";
import { posix } from "node:path";
import { lineAt, textOf } from "./tree.ts";

/** One module that a file asks for. */
export interface Import {
  readonly specifier: string;
  /** True when nothing is left of it at run time: `import type`, `export type`. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** What a file imports, exports again or loads by `import()` with a plain name, in the order of the text. */
export function importsOf(root: string, path: string): Import[] {
  const text = textOf(root, path);
  const { module, errors } = parseSync(path, text);
  if (errors.length > 0) throw new SyntaxError(`${path} cannot be parsed: ${errors[0]?.message}`);
  const found: (Import & { readonly at: number })[] = [];
  const add = (specifier: string, at: number, typeOnly: boolean): void => {
    found.push({ specifier, typeOnly, at, line: lineAt(text, at) });
  };
  for (const each of module.staticImports) {
    add(each.moduleRequest.value, each.start, /^import\s+type\s+[\w{*]/.test(text.slice(each.start, each.end)));
  }
  for (const { start, end, entries } of module.staticExports) {
    const from = entries.find((entry) => entry.moduleRequest !== null)?.moduleRequest;
    if (from) add(from.value, start, /^export\s+type\s+[{*]/.test(text.slice(start, end)));
  }
  for (const { moduleRequest } of module.dynamicImports) {
    const literal = /^["'`](?<name>[^$"'`]+)["'`]$/.exec(text.slice(moduleRequest.start, moduleRequest.end));
    if (literal?.groups?.name !== undefined) add(literal.groups.name, moduleRequest.start, false);
  }
  return found.toSorted((a, b) => a.at - b.at).map(({ specifier, typeOnly, line }) => ({ specifier, typeOnly, line }));
}

/** The path of a relative import within the project, or undefined for a package or a builtin. */
export function targetOf(importer: string, specifier: string): string | undefined {
  return specifier.startsWith(".") ? posix.join(posix.dirname(importer), specifier) : undefined;
}

/** The name of a package that a specifier begins with. */
export function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}
