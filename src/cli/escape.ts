// Controls, formatting marks (the bidirectional ones among them), separators of lines, private, unassigned and lone surrogates, and
// what is never drawn. The two variation selectors are left: they only choose how an emoji looks.
const UNSAFE = /(?![\u{FE0E}\u{FE0F}])[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Text that a terminal can only show: everything that could move the cursor, change colours or reorder a line is written out. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, (mark) => SHORT[mark] ?? `\\u{${(mark.codePointAt(0) ?? 0).toString(16)}}`);
}

/** The same for text that is JSON already, so that it stays JSON with the same meaning. */
export function escapeJson(json: string): string {
  return json.replace(UNSAFE, (mark) =>
    // Line breaks in the text of JSON are its layout; inside its strings they are written out already.
    mark === "\n" ? mark : Array.from({ length: mark.length }, (_, index) => unit(mark.charCodeAt(index))).join(""),
  );
}

function unit(code: number): string {
  return `\\u${code.toString(16).padStart(4, "0")}`;
}

/** At most `length` characters, the last one an ellipsis where more were there. Never cuts a character in two. */
export function truncate(text: string, length: number): string {
  // Enough code units for the answer, so that a long text is not taken apart whole.
  const head = Array.from(text.slice(0, (length + 1) * 2));
  return head.length <= length ? text : `${head.slice(0, Math.max(0, length - 1)).join("")}…`;
}
