/** Picks one of `options` possibilities: a whole number from 0 to `options - 1`. */
export type Choose = (options: number) => number;

/** A choice that looks random and is the same for the same seed on every machine: Marsaglia's xorshift on 32 bits. */
export function seededChoice(seed: number): Choose {
  let state = Math.imul(seed, 0x9e3779b1) ^ 0x5bf03635 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  // Seeds that lie next to each other begin alike.
  for (let round = 0; round < 8; round++) next();
  return (options) => next() % options;
}

/** Walks through every sequence of choices, one sequence a round. */
export class EveryChoice {
  readonly #path: { choice: number; readonly options: number }[] = [];
  #position = 0;

  readonly choose: Choose = (options) => {
    const known = this.#path[this.#position++];
    if (known !== undefined) return known.choice;
    this.#path.push({ choice: 0, options });
    return 0;
  };

  /** Goes on to the next sequence; false when all were walked. */
  next(): boolean {
    this.#path.length = this.#position;
    this.#position = 0;
    for (;;) {
      const last = this.#path.at(-1);
      if (last === undefined) return false;
      if (last.choice + 1 < last.options) {
        last.choice++;
        return true;
      }
      this.#path.pop();
    }
  }
}
