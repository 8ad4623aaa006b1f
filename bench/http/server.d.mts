/** The cookies that a response sets, as a browser sends them back. */
export declare function cookieOf(lines: readonly string[]): string;
