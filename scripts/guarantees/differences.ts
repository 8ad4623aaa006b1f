import type { Cell } from "./cell.ts";
import { guarantees } from "./rows/index.ts";
import { keptText, keyOf, PAGE, proofText, readPage } from "./page.ts";

/**
 * What a run found otherwise than the page that is there says, cell by cell; what was not run is not compared.
 *
 * @param stores every store that the page should speak of
 */
export function differencesOf(page: string, cells: readonly Cell[], stores: readonly string[]): readonly string[] {
  const written = readPage(page);
  const differing = cells.flatMap((cell) => {
    const key = keyOf(cell.store, cell.guarantee);
    const said = written.get(key);
    const rules = guarantees.find(({ title }) => title === cell.guarantee)?.rules.length ?? 0;
    const found = { kept: unescaped(keptText(cell)), proof: unescaped(proofText(cell, rules)) };
    if (said === undefined) return [`${PAGE} has no row for ${key}`];
    return (["kept", "proof"] as const)
      .filter((field) => unescaped(said[field]) !== found[field])
      .map((field) => `${key}: ${PAGE} says “${said[field]}”, and the run “${found[field]}”`);
  });
  const keys = new Set(stores.flatMap((store) => guarantees.map(({ title }) => keyOf(store, title))));
  return [...differing, ...[...written.keys()].filter((key) => !keys.has(key)).map((key) => `${PAGE}: there is no ${key}`)];
}

/** Cells of a table come without the marks before bars. */
function unescaped(text: string): string {
  return text.replaceAll("\\|", "|");
}
