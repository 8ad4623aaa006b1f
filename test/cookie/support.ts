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

/**
 * The shortest of several runs in milliseconds of this process's own time: what the work takes when nothing else disturbs
 * it. Goes on for a while only as long as no run was shorter than `enough`.
 */
export function fastest(enough: number, run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  const giveUpAt = performance.now() + 3000;
  do {
    const started = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(started);
    best = Math.min(best, (user + system) / 1000);
  } while (best >= enough && performance.now() < giveUpAt);
  return best;
}
