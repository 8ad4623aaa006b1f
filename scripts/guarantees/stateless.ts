import type { Kept } from "./cell.ts";

/** What a store keeps that keeps nothing: the kit cannot be run on it, and tests of its own stand in for the rules. */
export interface StatelessProof {
  /** The guarantee's title. */
  readonly guarantee: string;
  readonly kept: Kept;
  /** What is kept in part, or why there is nothing to keep. */
  readonly why?: string;
  /** Parts of tests' names, by file. */
  readonly tests?: Readonly<Record<string, readonly string[]>>;
}

const STORE = "test/stores/cookie.test.ts";
const SESSION = "test/core/cookie-store.test.ts";

/** Everything else is not kept, as the store declares itself stateless. */
export const statelessProofs: readonly StatelessProof[] = [
  {
    guarantee: "Data comes back exactly, or is refused",
    kept: "yes",
    tests: {
      [STORE]: [
        "any record comes back whole, as a cookie value needs no quoting",
        "data that has no UTF-8 is refused, not mangled",
      ],
      [SESSION]: ["beyond the limit it is a clear error before the response, and the old session stays"],
    },
  },
  {
    guarantee: "What cannot be read is never overwritten",
    kept: "yes",
    tests: {
      [STORE]: ["the first key writes, old keys read, a dropped key is unreadable and not missing"],
      [SESSION]: ["a tampered cookie is no session, and is deleted; one of an unknown key is unreadable, and stays"],
    },
  },
  {
    guarantee: "Sessions survive a restart",
    kept: "yes",
    tests: { [STORE]: ["the first key writes, old keys read, a dropped key is unreadable and not missing"] },
  },
  {
    guarantee: "An unknown id is never adopted",
    kept: "yes",
    tests: {
      [STORE]: [
        "every changed, dropped or added character gives no session",
        "what is marked as its own and does not verify is tampered",
      ],
    },
  },
  {
    guarantee: "A login binds the user under a new id",
    kept: "in part",
    why: "on the browser's own copy; a copy that was made before stays as it was",
    tests: { [SESSION]: ["login, rotation and logout work on the browser's own copy"] },
  },
  {
    guarantee: "A session ends when it should, by the application's clock",
    kept: "in part",
    why: "each copy ends by the deadline that is sealed in it",
    tests: { [SESSION]: ["its age is checked on the server, by the application's clock"] },
  },
  {
    guarantee: "A sweep removes what has expired, and nothing else",
    kept: "not needed",
    why: "it keeps nothing that could be swept",
  },
  {
    guarantee: "A session is a dictionary, saved only when it changed",
    kept: "yes",
    tests: { [SESSION]: ["a cookie store's session is a dictionary, and is sent only when it changed"] },
  },
  {
    guarantee: "A message is shown once",
    kept: "in part",
    why: "to requests that come one after another",
    tests: { [SESSION]: ["a message in a cookie is shown once to requests that come one after another"] },
  },
  {
    guarantee: "The store never holds an id",
    kept: "yes",
    tests: { [SESSION]: ["a cookie store counts, and its session has no id to leak"] },
  },
  {
    guarantee: "Hostile text in place of a handle finds nothing",
    kept: "yes",
    tests: {
      [STORE]: [
        "every changed, dropped or added character gives no session",
        "a value opens only under the cookie's own name",
      ],
    },
  },
  { guarantee: "Records are copied", kept: "not needed", why: "it holds no records that could be shared" },
  {
    guarantee: "A store says what it is, and closes cleanly",
    kept: "yes",
    tests: { [STORE]: ["it declares that it keeps nothing"] },
  },
];

/** Why the rest is not kept. */
export const STATELESS_REASON =
  "it declares itself stateless: the session travels in the cookie, and no two requests share a record";
