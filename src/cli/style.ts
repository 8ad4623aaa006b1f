/** Colours and weights for a terminal; each does nothing where they are not wanted. */
export interface Style {
  readonly enabled: boolean;
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  blue(text: string): string;
  cyan(text: string): string;
}

/** A style that is on or off. */
export function styleOf(enabled: boolean): Style {
  const paint = (start: number, end: number) => (text: string) =>
    enabled && text !== "" ? `\u001B[${start}m${text}\u001B[${end}m` : text;
  return Object.freeze({
    enabled,
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    blue: paint(34, 39),
    cyan: paint(36, 39),
  });
}

/** True where colours are wanted: on a terminal that has them, and not with NO_COLOR (no-color.org: set, and not empty). */
export function wantsColour(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  return isTerminal && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}
