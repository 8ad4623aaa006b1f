import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { handleOf, type SessionId } from "../../src/index.ts";
import { CliError } from "../../src/cli/errors.ts";
import { handleIn } from "../../src/cli/typed-session.ts";

const ID = "Zq7-_kT3yVwP0aBcDeFgHiJkLmNoPqRs" as SessionId;
const OTHER = "B".repeat(32);
const HANDLE = handleOf(ID);
const NAMES = ["__Host-sid", "sid"];

describe("what a person pastes for a session", () => {
  const PASTED: Readonly<Record<string, string>> = {
    "an id": ID,
    "an id with blanks around": `  ${ID}\n`,
    "an id in quotes": `"${ID}"`,
    "a handle": HANDLE,
    "name=value": `__Host-sid=${ID}`,
    "a name of the user's own": `visit=${ID}`,
    "name=value, percent-encoded": encodeURIComponent(`__Host-sid=${ID}`),
    "a value, percent-encoded": ID.replace("-", "%2D"),
    "a Cookie header": `Cookie: theme=dark; __Host-sid=${ID}; lang=en`,
    "curl's own output": `> cookie: theme=dark; sid=${ID}\r\n`,
    "a Set-Cookie": `< Set-Cookie: __Host-sid=${ID}; Path=/; Max-Age=1209600; HttpOnly; Secure; SameSite=Lax`,
    "a line of curl's cookie jar": `#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t1796000000\tsid\t${ID}`,
    "a whole cookie jar of curl": `# Netscape HTTP Cookie File\n# https://curl.se/docs/http-cookies.html\n\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsid\t${ID}\n`,
    "a row of Chrome's table": `__Host-sid\t${ID}\t127.0.0.1\t/\t2026-12-07T03:59:46.493Z\t42\t✓\t✓\tLax\t\t\tMedium`,
    "a row of Firefox's table": `__Host-sid:"${ID}"\nCreated:"Mon, 23 Nov 2026 03:59:46 GMT"\nDomain:"127.0.0.1"\nHttpOnly:true`,
    "an option of curl": `-b 'sid=${ID}'`,
    "a header with an id": `Authorization: Bearer ${ID}`,
    "the id among other cookies of its shape": `other=${OTHER}; sid=${ID}`,
    "the same id twice": `sid=${ID}; sid=${ID}`,
    JSON: `{"name":"sid","value":"${ID}"}`,
  };
  for (const [what, text] of Object.entries(PASTED)) {
    it(`may be ${what}`, () => assert.equal(handleIn(text, NAMES), HANDLE));
  }

  const REFUSED: Readonly<Record<string, readonly [text: string, code: string]>> = {
    "nothing of an id's shape": ["hello", "ERR_CLI_NOT_A_SESSION"],
    "half an id": [ID.slice(0, 20), "ERR_CLI_NOT_A_SESSION"],
    "an id and more": [`${ID}x`, "ERR_CLI_NOT_A_SESSION"],
    "a path": ["../../etc/passwd", "ERR_CLI_NOT_A_SESSION"],
    "a bad percent sign": ["%E0%A4%A", "ERR_CLI_NOT_A_SESSION"],
    "two cookies of its shape, neither of its name": [`a=${ID}; b=${OTHER}`, "ERR_CLI_AMBIGUOUS"],
    "its name twice, with different values": [`sid=${ID}; sid=${OTHER}`, "ERR_CLI_AMBIGUOUS"],
    "a sealed value": [`sid=e1.${"QUJD".repeat(20)}`, "ERR_CLI_NOT_A_SESSION"],
    "a long text": ["x".repeat(100_000), "ERR_CLI_NOT_A_SESSION"],
  };
  for (const [what, [text, code]] of Object.entries(REFUSED)) {
    it(`may not be ${what}`, () => {
      assert.throws(
        () => handleIn(text, NAMES),
        (error) => error instanceof CliError && error.code === code && !error.message.includes(text),
      );
    });
  }
});
