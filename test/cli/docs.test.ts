import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { WORKING_COMMANDS } from "../../src/cli/commands/index.ts";
import { FINDINGS } from "../../src/cli/doctor/findings.ts";
import { CLI_ERRORS } from "../../src/cli/errors.ts";
import { EXIT } from "../../src/cli/exit.ts";

const manual = readFileSync(new URL("../../docs/cli.md", import.meta.url), "utf8");

/** The text under a heading. */
function section(heading: string): string {
  const start = manual.indexOf(`\n## ${heading}\n`);
  assert.notEqual(start, -1, `docs/cli.md has no section "${heading}"`);
  const end = manual.indexOf("\n## ", start + 1);
  return manual.slice(start, end === -1 ? undefined : end);
}

/** The cells of the tables in a text. */
function rows(text: string): string[][] {
  const lines = text.split("\n").filter((line) => line.startsWith("| ") && !/^\| [-| ]+$/.test(line));
  return lines.map((line) =>
    line
      .slice(2, -2)
      .split(" | ")
      .map((cell) => cell.replaceAll("`", "").trim()),
  );
}

describe("docs/cli.md", () => {
  it("has every error of the command line with its exit code, and no other", () => {
    const documented = rows(section("Errors"))
      .slice(1)
      .map(([code, exit]) => [code, Number(exit)]);
    assert.deepEqual(
      documented,
      Object.entries(CLI_ERRORS).map(([code, { exit }]) => [code, exit]),
    );
  });

  it("has every exit code, and no other", () => {
    const documented = rows(section("Exit codes"))
      .slice(1)
      .map(([code]) => Number(code));
    assert.deepEqual(documented, Object.values(EXIT));
  });

  it("has every finding of the doctor with its severity, and no other", () => {
    const documented = rows(section("doctor"))
      .slice(1)
      .map(([code, severity]) => [code, severity?.split(";")[0]]);
    assert.deepEqual(
      documented,
      Object.entries(FINDINGS).map(([code, { severity }]) => [code, severity]),
    );
  });

  it("has a section for every command, with its calls and its own options", () => {
    for (const { name, usage, options } of WORKING_COMMANDS) {
      const text = section(name);
      for (const call of usage) {
        const words = call.split(" ").slice(0, 3).join(" ");
        assert.ok(text.includes(words), `${name}: ${words}`);
      }
      const common = section("Options of every command") + section("Django's sessions");
      for (const option of Object.keys(options))
        assert.ok(`${text}${common}`.includes(`--${option}`), `${name} --${option}`);
      for (const [, option = ""] of text.matchAll(/`(?:-\w`, `)?--([a-z-]+)/g)) {
        assert.ok(Object.hasOwn(options, option), `${name} has no --${option}, but its section speaks of it`);
      }
    }
  });
});
