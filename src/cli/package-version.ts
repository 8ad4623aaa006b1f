import { readFileSync } from "node:fs";

/** The version in package.json. */
export function packageVersion(): string {
  // Two folders up from this file, and from the program that the build makes of it.
  const file = new URL("../../package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { readonly version: string };
  return version;
}
