import { parseSync } from "oxc-parser";
import { targetOf } from "./imports.ts";
import { textOf } from "./tree.ts";

/** Every name that a module exports, types included, sorted. `export *` is followed within the project. */
export function namesOf(root: string, path: string, seen: ReadonlySet<string> = new Set()): string[] {
  if (seen.has(path)) return [];
  const names = new Set<string>();
  for (const { entries } of parseSync(path, textOf(root, path)).module.staticExports) {
    for (const { exportName, moduleRequest } of entries) {
      const kind: string = exportName.kind;
      if (kind === "Default") names.add("default");
      else if (exportName.name !== null) names.add(exportName.name);
      else if (moduleRequest !== null) {
        const target = targetOf(path, moduleRequest.value);
        if (target === undefined) names.add(`* from ${moduleRequest.value}`);
        else for (const name of namesOf(root, target, new Set([...seen, path]))) names.add(name);
      }
    }
  }
  return [...names].toSorted();
}
