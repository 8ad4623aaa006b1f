/** A fenced block of code. */
export interface CodeBlock {
  /** The word after the fence, in lower case: `ts`, `sh` … */
  readonly language: string;
  /** What follows the language on the fence's line. */
  readonly info: string;
  readonly code: string;
  /** The number of the code's first line in the page, from 1. */
  readonly line: number;
}

/** A link or an image. */
export interface Link {
  readonly target: string;
  readonly line: number;
}

/** A row of a table: its cells' text. */
export interface Row {
  readonly cells: readonly string[];
  /** The cells of the table's head. */
  readonly head: readonly string[];
  readonly line: number;
}

/** A page of Markdown, taken apart as far as the checks need it. */
export interface Page {
  readonly blocks: readonly CodeBlock[];
  readonly links: readonly Link[];
  readonly headings: readonly { readonly text: string; readonly line: number }[];
  readonly rows: readonly Row[];
  /** The lines outside of fenced blocks; an empty text in place of a line of code. */
  readonly prose: readonly string[];
}

const FENCE = /^(?<indent>\s*)(?<marks>`{3,}|~{3,})\s*(?<language>[^\s`]*)(?<info>[^`]*)$/;

export function parsePage(text: string): Page {
  const lines = text.split("\n");
  const prose: string[] = [];
  const blocks: CodeBlock[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const open = FENCE.exec(lines[at] ?? "")?.groups;
    if (open === undefined) {
      prose.push(lines[at] ?? "");
      continue;
    }
    const { indent = "", marks = "", language = "", info = "" } = open;
    const end = lines.findIndex((line, index) => index > at && line.trim().startsWith(marks) && /^[`~]+$/.test(line.trim()));
    const last = end === -1 ? lines.length : end;
    const code = lines
      .slice(at + 1, last)
      .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line.trimStart()));
    blocks.push({ language: language.toLowerCase(), info: info.trim(), code: code.join("\n"), line: at + 2 });
    prose.push(...Array<string>(Math.min(last, lines.length - 1) - at + 1).fill(""));
    at = last;
  }
  return { blocks, prose, links: linksOf(prose), headings: headingsOf(prose), rows: rowsOf(prose) };
}

function headingsOf(prose: readonly string[]): { text: string; line: number }[] {
  return prose.flatMap((line, index) => {
    const text = /^#{1,6}\s+(?<text>.+?)\s*#*$/.exec(line)?.groups?.text;
    return text === undefined ? [] : [{ text, line: index + 1 }];
  });
}

function linksOf(prose: readonly string[]): Link[] {
  return prose.flatMap((raw, index) => {
    const text = raw.replaceAll(/(`+)[^`]*\1/g, "");
    const inline = text.matchAll(/\]\(\s*<?(?<target>[^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g);
    const defined = text.matchAll(/^\s*\[[^\]]+\]:\s*(?<target>\S+)/g);
    const tags = text.matchAll(/\b(?:href|src)="(?<target>[^"]+)"/g);
    return [...inline, ...defined, ...tags].map(({ groups }) => ({ target: groups?.target ?? "", line: index + 1 }));
  });
}

function rowsOf(prose: readonly string[]): Row[] {
  let head: readonly string[] = [];
  return prose.flatMap((line, index) => {
    const cells = cellsOf(line);
    if (cells === undefined) head = [];
    else if (head.length === 0) head = cells;
    else if (!cells.every((cell) => /^:?-+:?$/.test(cell))) return [{ cells, head, line: index + 1 }];
    return [];
  });
}

function cellsOf(line: string): readonly string[] | undefined {
  const inside = /^\s*\|(?<inside>.*)\|\s*$/.exec(line)?.groups?.inside;
  return inside?.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

/** The anchors that a page's headings have, as GitHub makes them. */
export function anchorsOf({ headings, prose }: Page): Set<string> {
  const used = new Map<string, number>();
  const made = headings.map(({ text }) => {
    const plain = text.replaceAll(/\[(?<label>[^\]]*)\]\([^)]*\)/g, "$<label>").replaceAll(/[`*]/g, "");
    const slug = plain
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-");
    const before = used.get(slug) ?? 0;
    used.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  });
  const named = prose.flatMap((line) =>
    [...line.matchAll(/<a\s+(?:id|name)="(?<id>[^"]+)"/g)].map(({ groups }) => groups?.id ?? ""),
  );
  return new Set([...made, ...named]);
}

/** The words in `code` marks that stand in a text. */
export function codeWords(text: string): string[] {
  return [...text.matchAll(/`(?<word>[^`]+)`/g)].map(({ groups }) => groups?.word ?? "");
}
