import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { authHash, djangoCodec, djangoKeys, newSessionKey } from "../../src/django/index.ts";

export const SECRET = "the secret of the table";
const KEYS = djangoKeys({ secretKey: SECRET });
const DAY_MS = 86_400_000;

/** What a visitor of the site has stored. */
export interface Visit {
  readonly data?: Readonly<Record<string, unknown>>;
  /** The user who is logged in. */
  readonly user?: string;
  /** The password at the login. Default that of the user's row. */
  readonly password?: string;
  /** Milliseconds from now. Default two weeks. */
  readonly leftMs?: number;
  readonly key?: string;
  /** `session_data` in place of what the data would be. */
  readonly text?: string;
}

/** A Django project's database as its migrations make it, with as much of it as sessions need. */
export class DjangoTables {
  readonly #db: DatabaseSync;
  readonly #now = Date.now();

  constructor(folder: string) {
    this.#db = new DatabaseSync(join(folder, "db.sqlite3"));
    this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
    this.#db.exec(
      "CREATE TABLE django_session (session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL, expire_date datetime NOT NULL)",
    );
    this.#db.exec(
      "CREATE TABLE auth_user (id integer PRIMARY KEY, password varchar(128) NOT NULL, is_active bool NOT NULL)",
    );
  }

  user(id: string, password: string, active = true): void {
    this.#db.prepare("INSERT OR REPLACE INTO auth_user VALUES (?, ?, ?)").run(id, password, active ? 1 : 0);
  }

  /** Stores a session, new or again. @returns its key */
  put({
    data = {},
    user,
    password = `pbkdf2$${user}`,
    leftMs = 14 * DAY_MS,
    key = newSessionKey(),
    text,
  }: Visit = {}): string {
    const login =
      user === undefined
        ? {}
        : {
            _auth_user_id: user,
            _auth_user_backend: "django.contrib.auth.backends.ModelBackend",
            _auth_user_hash: authHash(KEYS, password),
          };
    const codec = djangoCodec({ keys: KEYS });
    const stored = text ?? codec.encode(codec.stringify({ ...data, ...login }), { place: "" });
    const date = new Date(this.#now + leftMs).toISOString().replace("T", " ").replace(/Z$/, "000");
    this.#db.prepare("INSERT OR REPLACE INTO django_session VALUES (?, ?, ?)").run(key, stored, date);
    return key;
  }

  remove(key: string): void {
    this.#db.prepare("DELETE FROM django_session WHERE session_key = ?").run(key);
  }

  sql(text: string): void {
    this.#db.exec(text);
  }

  /** Many at once. */
  putMany(count: number): string[] {
    this.#db.exec("BEGIN");
    const keys = Array.from({ length: count }, (_, n) => this.put({ data: { n } }));
    this.#db.exec("COMMIT");
    return keys;
  }

  close(): void {
    this.#db.close();
  }
}
