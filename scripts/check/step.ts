/** One thing that is checked. A step finds problems; none means that all is well. */
export interface Step {
  /** The word that chooses it: `npm run check -- lint`. */
  readonly name: string;
  /** What it makes sure of, in a few words. */
  readonly title: string;
  /** Each problem as `file:line: what is wrong`, or a tool's own words. */
  run(place: Place): Promise<readonly string[]> | readonly string[];
}

/** Where a step looks, and what the command line asked of it. */
export interface Place {
  /** The project's folder, absolute. */
  readonly root: string;
  /** True when what can be written anew is written instead of compared. */
  readonly update: boolean;
}
