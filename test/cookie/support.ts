/** Cookie headers of 1 MiB that make a careless parser slow, for a cookie called `name`. */
export function* hostileHeaders(name: string): Generator<readonly [what: string, header: string]> {
  const units = [
    "a=",
    ";",
    "=",
    '"',
    " ",
    "\t",
    "; ",
    ";=",
    name,
    `${name} `,
    `${name}=`,
    `${name}=;`,
    ` ${name}=1;`,
    `x${name}=;`,
    `${name}.1=;`,
    `${name}.`,
    `${name}=~20~a;`,
    `${name}.9=~9~; ${name}=~9~;`,
    "%",
    "\\",
    "\u00a0",
  ];
  for (const unit of units) yield [JSON.stringify(unit), unit.repeat(Math.ceil(2 ** 20 / unit.length))];
  yield ["blanks, then the name", `${" ".repeat(2 ** 20)}${name}=1`];
  yield ["a name without an end", `${name}${"=".repeat(2 ** 20)}`];
}

/** The shortest of several runs in milliseconds: what the work takes when nothing else disturbs it. */
export function fastest(run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const started = performance.now();
    run();
    best = Math.min(best, performance.now() - started);
  }
  return best;
}
