import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runTool } from "./command.ts";
import { type CodeBlock, parsePage } from "./markdown.ts";
import type { Place, Step } from "./step.ts";
import { filesOf, textOf } from "./tree.ts";

/** A file made of a block, or of a part of it, and where it stands. */
interface Piece {
  /** Relative to the folder of all pieces. */
  readonly path: string;
  readonly code: string;
  readonly page: string;
  /** The line of the page that the piece's first line is. */
  readonly line: number;
}

const LANGUAGES: Readonly<Record<string, "ts" | "js">> = {
  ts: "ts",
  typescript: "ts",
  mts: "ts",
  js: "js",
  javascript: "js",
  mjs: "js",
};
const FOLDER = ".tmp/docs";

/**
 * Every TypeScript and JavaScript block of the README and the documentation compiles against the sources. A block stands by itself.
 * A line `// file: name.ts` gives the lines after it a name under which the page's other blocks can import them; the latest of one name
 * counts. A block opts out with a reason: ```` ```ts no-check (why) ````. JavaScript is compiled without strictness.
 */
export const docsCode: Step = {
  name: "docs-code",
  title: "the documentation's code compiles",
  run: async ({ root }: Place) => {
    const pages = filesOf(root, (path) => path.endsWith(".md"));
    const problems: string[] = [];
    const pieces: Piece[] = [];
    for (const page of pages) {
      const { blocks } = parsePage(textOf(root, page));
      const taken = blocks.filter(({ language }) => LANGUAGES[language] !== undefined);
      problems.push(
        ...taken.filter(isUnexplained).map(({ line }) => `${page}:${line - 1}: no-check needs a reason, in brackets`),
      );
      pieces.push(
        ...piecesOf(
          page,
          taken.filter(({ info }) => !info.startsWith("no-check")),
        ),
      );
    }
    if (pieces.length === 0) return [...problems, "the documentation has no code to compile"];
    write(root, pieces);
    for (const language of ["ts", "js"] as const) {
      if (pieces.some(({ path }) => path.endsWith(`.${language}`)))
        problems.push(...(await compile(root, language, pieces)));
    }
    return problems;
  },
};

function isUnexplained({ info }: CodeBlock): boolean {
  return info.startsWith("no-check") && !/^no-check \(.{8,}\)$/.test(info);
}

/** The pieces of one page. When a name comes again, a new version of the page's files begins. */
function piecesOf(page: string, blocks: readonly CodeBlock[]): Piece[] {
  const pieces: Piece[] = [];
  let named = new Map<string, Piece>();
  let version = 1;
  const folder = (): string => `${page.replace(/\.md$/, "")}/v${version}`;
  for (const [index, block] of blocks.entries()) {
    for (const { name, code, line } of partsOf(block)) {
      if (name === undefined) {
        pieces.push({ path: `${folder()}/block-${index + 1}.${LANGUAGES[block.language]}`, code, page, line });
        continue;
      }
      if (named.has(name)) {
        version += 1;
        named.delete(name);
        named = new Map([...named].map(([each, piece]) => [each, { ...piece, path: `${folder()}/${each}` }]));
        pieces.push(...named.values());
      }
      const piece = { path: `${folder()}/${name}`, code, page, line };
      named.set(name, piece);
      pieces.push(piece);
    }
  }
  return pieces;
}

function partsOf({ code, line }: CodeBlock): { readonly name?: string; readonly code: string; readonly line: number }[] {
  const lines = code.split("\n");
  const names = lines.flatMap((text, at) => {
    const name = /^\/\/ file: (?<name>[\w./-]+\.[cm]?[jt]s)\b/.exec(text)?.groups?.name;
    return name === undefined ? [] : [{ name, at }];
  });
  const first = names[0]?.at ?? lines.length;
  const head = lines.slice(0, first).join("\n");
  const parts = names.map(({ name, at }, index) => {
    return { name, code: lines.slice(at, names[index + 1]?.at).join("\n"), line: line + at };
  });
  return head.trim() === "" ? parts : [{ code: head, line }, ...parts];
}

function write(root: string, pieces: readonly Piece[]): void {
  rmSync(join(root, FOLDER), { recursive: true, force: true });
  for (const { path, code } of pieces) {
    const file = join(root, FOLDER, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${code}\n`);
  }
}

async function compile(root: string, language: "ts" | "js", pieces: readonly Piece[]): Promise<string[]> {
  const loose = { allowJs: true, checkJs: true, strict: false, exactOptionalPropertyTypes: false };
  const compilerOptions = {
    moduleDetection: "force",
    noUnusedLocals: false,
    noUnusedParameters: false,
    declaration: false,
    ...(language === "js" ? loose : {}),
  };
  const config = join(FOLDER, `tsconfig.${language}.json`);
  const files = [...new Set(pieces.map(({ path }) => path).filter((path) => path.endsWith(`.${language}`)))];
  writeFileSync(join(root, config), JSON.stringify({ extends: "../../tsconfig.json", compilerOptions, include: [], files }));
  const { code, output } = await runTool(root, "tsc", ["-p", config, "--pretty", "false"]);
  return code === 0 ? [] : atTheirPages(output, pieces);
}

/** The compiler's lines, with the page and its line in place of the piece's. */
function atTheirPages(output: string, pieces: readonly Piece[]): string[] {
  const byPath = new Map(pieces.map((piece) => [piece.path, piece]));
  const told = output
    .trimEnd()
    .split("\n")
    .map((said) => {
      const place = /^(?:\.tmp\/docs\/)?(?<path>[^()]+)\((?<line>\d+),\d+\): (?<rest>.*)$/.exec(said)?.groups;
      const piece = byPath.get(place?.path ?? "");
      if (place === undefined || piece === undefined) return said;
      return `${piece.page}:${piece.line + Number(place.line) - 1}: ${place.rest}`;
    });
  return [...new Set(told)];
}
