import { parseSync } from "oxc-parser";
import { lineAt, textOf } from "./tree.ts";

/** A property that an interface declares. */
export interface Property {
  readonly name: string;
  /** The comment before it, without its marks. */
  readonly comment: string;
  readonly line: number;
}

/** The properties of an interface of a file, in their order; empty when there is no such interface. */
export function propertiesOf(root: string, path: string, name: string): Property[] {
  const text = textOf(root, path);
  const { program, comments } = parseSync(path, text);
  return program.body.flatMap((statement) => {
    const declared = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
    if (declared?.type !== "TSInterfaceDeclaration" || declared.id.name !== name) return [];
    return declared.body.body.flatMap((member) => {
      if (member.type !== "TSPropertySignature" || member.key.type !== "Identifier") return [];
      const comment = comments.findLast(({ end }) => end <= member.start && text.slice(end, member.start).trim() === "");
      const words = (comment?.value ?? "")
        .replaceAll(/^\s*\*+/gm, "")
        .replaceAll(/\s+/g, " ")
        .trim();
      return [{ name: member.key.name, comment: words, line: lineAt(text, member.start) }];
    });
  });
}
