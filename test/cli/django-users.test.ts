import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { SessionError } from "../../src/core/errors.ts";
import { UserTable } from "../../src/cli/django/users.ts";
import { openDjangoDatabase } from "../../src/django/engines/open.ts";

const TABLE = { table: "auth_user", key: "id" };

function users(columns: string) {
  const sqlite = new DatabaseSync(":memory:");
  sqlite.exec(`CREATE TABLE auth_user (${columns})`);
  const database = openDjangoDatabase({ sqlite });
  return { sqlite, opened: { database, quote: (name: string) => `"${name}"`, place: "?" } };
}

test("a database that fails for a moment does not make users active who are not", async () => {
  const { sqlite, opened } = users("id integer PRIMARY KEY, password text, is_active bool");
  sqlite.exec("INSERT INTO auth_user VALUES (7, 'pbkdf2$7', 0)");
  let failures = 1;
  const read: typeof opened.database.read = async (...query) => {
    if (failures-- > 0) throw new SessionError("ERR_SESSION_STORE", undefined, { cause: new Error("database is locked") });
    return opened.database.read(...query);
  };
  const opening = UserTable.open({ ...opened, database: { ...opened.database, read } }, TABLE);
  await assert.rejects(opening, { code: "ERR_SESSION_STORE" });
  assert.equal(await (await UserTable.open(opened, TABLE)).passwordOf("7"), undefined);
});

test("users of a model without is_active are active", async () => {
  const { sqlite, opened } = users("id integer PRIMARY KEY, password text");
  sqlite.exec("INSERT INTO auth_user VALUES (7, 'pbkdf2$7')");
  assert.equal(await (await UserTable.open(opened, TABLE)).passwordOf("7"), "pbkdf2$7");
});
