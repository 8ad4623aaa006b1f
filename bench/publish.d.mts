/** The machine and what runs on it, in a line. */
export declare function environment(): string;

/** Keeps what a program measured, and makes RESULTS.md anew of all that was kept. */
export declare function publish(
  name: string,
  part: { readonly title: string; readonly markdown: string; readonly figures: unknown },
): void;
