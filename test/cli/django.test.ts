import assert from "node:assert/strict";
import { once } from "node:events";
import type { Writable } from "node:stream";
import { describe, it } from "node:test";
import fc from "fast-check";
import { djangoKeys, dumps, SESSION_SALT, SIGNED_COOKIE_SALT } from "../../src/django/index.ts";
import { jsonSession, LARGE } from "../django/python-values.ts";
import { RealDjango, SECRET as DJANGO_SECRET } from "../django/real-django.ts";
import { vectorsOf } from "../django/vectors.ts";
import { needs } from "../servers/needs.ts";
import { type Ending, ended, errorOf, sojourn, start, workFolder } from "./_program.ts";

const cwd = workFolder();
const SECRET = "the program's secret";
const keys = djangoKeys({ secretKey: SECRET });
const SEED = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
const DJANGO = ["--format", "django"];

function run(
  args: readonly string[],
  input: string,
  env: Readonly<Record<string, string>> = { SECRET_KEY: SECRET },
): Promise<Ending> {
  return sojourn(args, { cwd, env, input });
}

function signed(json: string, salt = SESSION_SALT): string {
  return dumps(keys, Buffer.from(json, "latin1"), { salt, at: 0 });
}

describe("sojourn decode --format django", () => {
  it("prints every vector's text as it was signed, and {} for what Django refuses", async () => {
    const vectors = vectorsOf(
      "session",
      "session-not-json",
      "session-invalid",
      "session-signed-odd",
      "legacy-pre-3.1",
      "sha1-signature",
    )
      .filter(({ informative, kind }) => informative !== true || kind === "session-not-json")
      .filter(({ session_data }) => !/[\r\n]/.test(session_data));
    const bySecret = Map.groupBy(vectors, ({ secret, salt }) => JSON.stringify([secret, salt ?? SESSION_SALT]));
    for (const [name, group] of bySecret) {
      const [secret = "", salt = ""] = JSON.parse(name) as string[];
      const input = group.map(({ session_data }) => `${session_data}\n`).join("");
      const { code, stdout } = await run(["decode", ...DJANGO, "--salt", salt], input, { SECRET_KEY: secret });
      assert.equal(code, 0);
      const lines = stdout.split("\n");
      assert.equal(lines.pop(), "");
      for (const [index, vector] of group.entries()) {
        const line = lines[index] ?? "";
        if (vector.kind === "session" || vector.kind === "session-not-json")
          assert.equal(line, vector.session_json, vector.id);
        else assert.deepEqual(JSON.parse(line), vector.expect, vector.id);
      }
      assert.equal(lines.length, group.length);
    }
  });

  it("reads with SECRET_KEY_FALLBACKS, with commas between", async () => {
    const env = { SECRET_KEY: "new", SECRET_KEY_FALLBACKS: `older,${SECRET},` };
    const values = ["new", "older", SECRET, "stranger"].map((secretKey) =>
      dumps(djangoKeys({ secretKey }), '{"a":1.0}', { salt: SESSION_SALT, at: 0 }),
    );
    const { stdout, stderr } = await run(["decode", ...DJANGO], values.join("\n"), env);
    assert.equal(stdout, '{"a":1.0}\n{"a":1.0}\n{"a":1.0}\n{}\n');
    assert.equal(stderr, "Not valid: 1 of 4 values.\n");
  });

  it("reads another salt, and the format before 3.1, where it is told to", async () => {
    const cookie = signed('{"a":1}', SIGNED_COOKIE_SALT);
    assert.equal((await run(["decode", ...DJANGO, "--salt", SIGNED_COOKIE_SALT], cookie)).stdout, '{"a":1}\n');
    assert.equal((await run(["decode", ...DJANGO], cookie)).stdout, "{}\n");
    const old = (await run(["encode", ...DJANGO, "--legacy"], '{"a":1}')).stdout;
    assert.equal((await run(["decode", ...DJANGO, "--legacy"], old)).stdout, '{"a":1}\n');
    assert.equal((await run(["decode", ...DJANGO], old)).stdout, "{}\n");
  });

  it("answers each line with one line, whatever is signed, and with nothing that a terminal obeys", async () => {
    const texts = ['{\n "a": 1,\r\n "b":\t2}', '{"a":"\x9b31m\xe9\x7f"}', "[1]", '"x"', "null", "no", ' {"a":NaN} '];
    const { stdout } = await run(["decode", ...DJANGO], texts.map((text) => signed(text)).join("\r\n"));
    assert.deepEqual(stdout.split("\n"), [
      '{  "a": 1,   "b":\t2}',
      '{"a":"\\u009b31m\\u00e9\\u007f"}',
      "{}",
      "{}",
      "{}",
      "{}",
      ' {"a":NaN} ',
      "",
    ]);
    assert.equal((await run(["decode", ...DJANGO], "")).stdout, "");
    assert.equal((await run(["decode", ...DJANGO], "\n\n")).stdout, "{}\n{}\n");
  });

  it("answers as it reads, waits for a slow reader, and ends when nobody reads any more", async () => {
    const child = start(["decode", ...DJANGO], { cwd, env: { SECRET_KEY: SECRET } });
    const { stdin, stdout } = child;
    assert.ok(stdin !== null && stdout !== null);
    const value = `${signed('{"a":1}')}\n`;
    stdin.write(value.repeat(3) + value.slice(0, 20));
    const [first] = (await once(stdout, "data")) as [Buffer];
    assert.equal(String(first), '{"a":1}\n'.repeat(3), "before the input has ended");
    stdin.write(value.slice(20));
    const [second] = (await once(stdout, "data")) as [Buffer];
    assert.equal(String(second), '{"a":1}\n', "a line that came in two pieces");
    // Nobody reads: the program stops reading, too.
    stdout.pause();
    const flood = value.repeat(2000);
    let written = 0;
    while (written < 400 && (stdin.write(flood) || (await drained(stdin)))) written++;
    assert.ok(written < 400, `the program took ${written} floods that nobody read the answers of`);
    stdin.on("error", () => undefined);
    stdout.destroy();
    const { code } = await ended(child);
    assert.equal(code, 0);
  });
});

/** True once the program has taken what was written; false when it does not take it, in all the time that it could need. */
async function drained(stream: Writable): Promise<boolean> {
  const taken = once(stream, "drain").then(() => true);
  return Promise.race([taken, new Promise<false>((resolve) => setTimeout(resolve, 1500, false))]);
}

describe("sojourn encode --format django", () => {
  it("is the inverse of decode, to the character", async () => {
    const lines = [
      "{}",
      '{"a":1.0,"b":12345678901234567890,"10":NaN,"9":-Infinity}',
      '{ "a" : [ 1E5 , "\\ud800\\u00e9" ] }',
      `{"long":"${"text ".repeat(5000)}"}`,
      ...vectorsOf("session").map(({ session_json }) => session_json),
    ];
    const input = `${lines.join("\n")}\n`;
    const encoded = await run(["encode", ...DJANGO], input);
    assert.deepEqual([encoded.code, encoded.stderr], [0, ""]);
    const decoded = await run(["decode", ...DJANGO], encoded.stdout);
    assert.equal(decoded.stdout, input);
  });

  it("escapes what is not ASCII, as Django reads Latin-1", async () => {
    const { stdout } = await run(["encode", ...DJANGO], '{"a":"é\u{1f600}\x7f"}');
    assert.equal((await run(["decode", ...DJANGO], stdout)).stdout, '{"a":"\\u00e9\\ud83d\\ude00\\u007f"}\n');
  });

  it("gives an empty line for what is no JSON object, and exit code 1 in the end", async () => {
    const { code, stdout, stderr } = await run(["encode", ...DJANGO], '{"a":1}\n[1]\n\nhunter2\n{"b":2}\n');
    assert.equal(code, 1);
    assert.match(stdout, /^[\w-]+:\w+:[\w-]+\n\n\n\n[\w-]+:\w+:[\w-]+\n$/);
    assert.equal(stderr, "No JSON object: 3 of 5 lines.\n");
  });
});

describe("with real Django", { skip: needs("django") }, () => {
  it("what Django stores is decoded to the text that it signed, and encoded to what Django reads", async () => {
    await using django = await RealDjango.start();
    const env = { SECRET_KEY: DJANGO_SECRET };
    const sessions = [...fc.sample(jsonSession, { numRuns: 1000, seed: SEED }), ...LARGE];
    const stored = await django.ask<string>(
      sessions.map((session, name) => ({ command: "keep", as: "json", name, session })),
    );
    const texts = await django.ask<string>(stored.map((each) => ({ command: "decode", stored: each })));
    const decoded = await run(["decode", ...DJANGO], `${stored.join("\n")}\n`, env);
    assert.equal(decoded.stdout, `${texts.join("\n")}\n`, `with SEED=${SEED}`);
    const encoded = await run(["encode", ...DJANGO], decoded.stdout, env);
    const back = encoded.stdout.split("\n").slice(0, -1);
    assert.equal(back.length, sessions.length);
    const differences = await django.ask<string | null>(
      back.map((each, name) => ({ command: "compare", as: "json", name, stored: each })),
    );
    assert.deepEqual(new Set(differences), new Set([null]), `with SEED=${SEED}`);
    const other = await run(["decode", ...DJANGO], `${stored.join("\n")}\n`, { SECRET_KEY: "another" });
    assert.equal(other.stdout, "{}\n".repeat(stored.length));
  });
});

describe("sojourn decode and encode", () => {
  it("say what is missing: the format, the secret", async () => {
    for (const command of ["decode", "encode"]) {
      for (const [args, env, code, exit] of [
        [[], { SECRET_KEY: SECRET }, "ERR_CLI_OPTION_VALUE", 2],
        [["--format", "flask"], { SECRET_KEY: SECRET }, "ERR_CLI_OPTION_VALUE", 2],
        [DJANGO, {}, "ERR_CLI_SECRET_KEY", 5],
        [DJANGO, { SECRET_KEY: "" }, "ERR_CLI_SECRET_KEY", 5],
        [[...DJANGO, "extra"], { SECRET_KEY: SECRET }, "ERR_CLI_ARGUMENTS", 2],
      ] as const) {
        const ending = await sojourn([command, ...args, "--json"], { cwd, env });
        assert.deepEqual([errorOf(ending)["code"], ending.code, ending.stdout], [code, exit, ""]);
      }
    }
  });
});
