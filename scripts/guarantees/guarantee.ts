/** What a user of a store can rely on: one row of the table. */
export interface Guarantee {
  /** Its heading on the page. Unique. */
  readonly title: string;
  /** The rules of the store kit that prove it, by name. */
  readonly rules: readonly string[];
}

/** Guarantees that belong together. */
export interface Section {
  readonly title: string;
  readonly guarantees: readonly Guarantee[];
}
