import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { keyBytes } from "../../src/crypto/key-check.ts";
import { type Ending, errorOf, json, sojourn, workFolder } from "./_program.ts";

const folder = workFolder();
const COMMANDS = [
  "inspect",
  "list",
  "revoke",
  "clear-expired",
  "migrate",
  "import",
  "decode",
  "encode",
  "generate-key",
  "doctor",
  "help",
];

function run(...args: string[]): Promise<Ending> {
  return sojourn(args, { cwd: folder });
}

describe("the program", () => {
  it("prints its version", async () => {
    const file = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
      readonly version: string;
    };
    for (const option of ["--version", "-v", "version"]) {
      const { code, stdout } = await run(option);
      assert.deepEqual([code, stdout], [0, `${file.version}\n`]);
    }
    assert.equal(json((await run("--version", "--json")).stdout)["version"], file.version);
  });

  it("says what it can do, and alone ends as a mistake would", async () => {
    const help = await run("help");
    assert.equal(help.code, 0);
    for (const command of COMMANDS) assert.match(help.stdout, new RegExp(`^ {2}${command} +\\w`, "m"));
    assert.equal((await run("--help")).stdout, help.stdout);
    assert.deepEqual(await run(), { ...help, code: 2 });
    const commands = json((await run("help", "--json")).stdout)["commands"] as readonly { readonly name: string }[];
    assert.deepEqual(
      commands.map(({ name }) => name),
      COMMANDS,
    );
  });

  it("has help for each command, by help and by --help, without a store", async () => {
    for (const command of COMMANDS) {
      const { code, stdout } = await run("help", command);
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`Usage\n  sojourn ${command}`));
      assert.match(stdout, /--json/);
      assert.equal((await run(command, "--help")).stdout, stdout);
      assert.ok(stdout.split("\n").every((line) => line.length <= 100));
    }
  });

  it("makes keys: 32 random bytes as base64url, another one each time", async () => {
    const keys = [(await run("generate-key")).stdout, (await run("generate-key")).stdout];
    for (const key of keys) {
      assert.match(key, /^[A-Za-z0-9_-]{43}\n$/);
      assert.equal(keyBytes(key.trim()).length, 32);
    }
    assert.notEqual(keys[0], keys[1]);
    assert.match(String(json((await run("generate-key", "--json")).stdout)["key"]), /^[\w-]{43}$/);
  });

  it("refuses what it does not understand with 2, a code, a title and a fix, for people and as JSON", async () => {
    const cases: readonly (readonly [args: readonly string[], code: string, fix?: RegExp])[] = [
      [["inspekt"], "ERR_CLI_UNKNOWN_COMMAND", /Did you mean `sojourn inspect`\?/],
      [["frobnicate"], "ERR_CLI_UNKNOWN_COMMAND"],
      [["help", "frobnicate"], "ERR_CLI_UNKNOWN_COMMAND"],
      [["list", "--limt", "3"], "ERR_CLI_UNKNOWN_OPTION", /Did you mean `--limit`\?/],
      [["list", "-x"], "ERR_CLI_UNKNOWN_OPTION"],
      [["list", "--limit"], "ERR_CLI_OPTION_VALUE"],
      [["list", "--limit", "--redact"], "ERR_CLI_OPTION_VALUE"],
      [["list", "--limit", "ten"], "ERR_CLI_OPTION_VALUE"],
      [["list", "--store="], "ERR_CLI_OPTION_VALUE"],
      [["list", "--redact=yes"], "ERR_CLI_OPTION_VALUE"],
      [["list", "extra"], "ERR_CLI_ARGUMENTS"],
      [["inspect"], "ERR_CLI_ARGUMENTS"],
      [["inspect", "--", "-"], "ERR_CLI_ARGUMENTS"],
      [["--store", "memory:", "list"], "ERR_CLI_ARGUMENTS"],
      [["list", "--user", "ada", "--after", "x"], "ERR_CLI_ARGUMENTS"],
      [["generate-key", "--store", "memory:"], "ERR_CLI_UNKNOWN_OPTION"],
    ];
    for (const [args, code, fix = /\w/] of cases) {
      const [command = "", ...rest] = args;
      const asJson = await run(command, "--json", ...rest);
      assert.equal(asJson.code, 2, args.join(" "));
      assert.equal(asJson.stdout, "");
      const error = errorOf(asJson);
      assert.deepEqual([error["code"], error["exitCode"]], [code, 2], args.join(" "));
      assert.match(String(error["title"]), /\w/);
      assert.match(String(error["fix"]), fix);
    }
    const text = await run("inspekt");
    assert.equal(
      text.stderr,
      "error  There is no such command (ERR_CLI_UNKNOWN_COMMAND)\n       There is no command inspekt\n  fix  Did you mean `sojourn inspect`?\n",
    );
  });
});
