/**
 * One behaviour that Django's own session tests assert for any engine (`SessionTestsMixin` and `SessionBaseTests` in
 * `tests/sessions_tests/tests.py`), and what holds here.
 */
export interface DjangoBehaviour {
  /** What Django's test asserts. */
  readonly django: string;
  /** The rule of the store kit that asserts it, or what stands in its place here. */
  readonly rule: string;
  /** How it differs here, and why; absent where it is the same. */
  readonly departure?: string;
}

const VALUE =
  "`modified` means that what would be stored differs from what is, so nothing has to be marked and nothing is written in vain.";
const NO_ERRORS = "A dictionary of JavaScript gives undefined for a key that is not there; nothing throws.";
const UNREADABLE =
  "A record that cannot be read is not an empty session: it is reported, never overwritten, and served again once its key or codec is back.";

/** Every behaviour of Django's session tests that does not depend on the engine, in the order of its test file. */
export const djangoBehaviours: readonly DjangoBehaviour[] = [
  {
    django: "A new session is neither modified nor accessed.",
    rule: "a session that nobody asked for is neither accessed nor modified, and sets no cookie",
  },
  {
    django: "`get` of a missing key is None.",
    rule: "a key that is not there is undefined",
    departure: "undefined in place of None.",
  },
  {
    django: "Setting a key marks modified, and `pop` gives the value back.",
    rule: "setting a key marks the session modified, and pop gives the value back",
    departure: VALUE,
  },
  {
    django: "`pop` of a present key: value, accessed and modified, key gone.",
    rule: "pop of a stored key gives its value, and the key is gone from the store",
    departure: VALUE,
  },
  {
    django: "`pop` of a missing key with a positional default: the default, accessed, not modified.",
    rule: "pop of a key that is not there gives the fallback and changes nothing",
  },
  {
    django: "The same with the default given by name.",
    rule: "pop of a key that is not there gives the fallback and changes nothing",
    departure: "JavaScript has no arguments by name.",
  },
  {
    django: "`pop` of a missing key without default: KeyError.",
    rule: "pop of a key that is not there gives the fallback and changes nothing",
    departure: NO_ERRORS,
  },
  {
    django: "`setdefault` stores and returns the first value, later ones return the stored.",
    rule: "setDefault stores the first value and gives it from then on",
  },
  {
    django: "`update` merges a dict; accessed and modified; value readable.",
    rule: "several keys can be set at once, and nested changes count",
    departure: `Object.assign(session.data, …) merges; \`update(fn)\` is the atomic change. Nested changes count too. ${VALUE}`,
  },
  {
    django: "Membership is true for a stored key, marks accessed, not modified.",
    rule: "looking at keys, values and entries is an access and no change",
  },
  {
    django: "`values()` of a new session is empty and marks accessed; later it gives the values without marking modified.",
    rule: "looking at keys, values and entries is an access and no change",
  },
  {
    django: "`keys()` gives the keys; accessed, not modified.",
    rule: "looking at keys, values and entries is an access and no change",
  },
  {
    django: "`items()` gives the pairs; accessed, not modified.",
    rule: "looking at keys, values and entries is an access and no change",
  },
  { django: "`clear()` empties; accessed and modified.", rule: "clear empties a session and keeps its id" },
  {
    django: "After `save()` the key exists in the store.",
    rule: "after the response, the session is in the store, under the hash of its id",
    departure: "The store knows the id's hash alone, so that its table logs nobody in.",
  },
  { django: "After `delete(key)` it does not.", rule: "a revoked session is gone from the store" },
  {
    django: "`flush()`: old key gone from the store, key is None, modified and accessed.",
    rule: "flush ends the session at once, forgets its id and deletes the cookie",
    departure: `The record leaves a tombstone for a minute, so that late writes are recognised. Not modified afterwards: ${VALUE}`,
  },
  {
    django: "`cycle_key()`: old key gone, new key differs, items and their order kept.",
    rule: "cycleId gives a new id, keeps the data and its order, and ends the old id",
    departure: "Takes effect with the response, in one step with the write.",
  },
  {
    django: "`cycle_key()` on a session opened by key and never read keeps the data.",
    rule: "cycleId on a session that was not read keeps its data",
  },
  { django: "`save()` does not drop the data in memory.", rule: "save leaves the data in memory as it is" },
  {
    django: "A store opened with the invalid key `1` saves under another key; reading gives None.",
    rule: "a cookie that is no id is not read, and a session is stored under an id of its own",
  },
  {
    django: "Setting the private key to '' leaves None.",
    rule: "a cookie that is no id is not read, and a session is stored under an id of its own",
  },
  {
    django: "A key of 7 characters leaves None.",
    rule: "a cookie that is no id is not read, and a session is stored under an id of its own",
  },
  {
    django: "A key of 8 characters is accepted.",
    rule: "a cookie that is no id is not read, and a session is stored under an id of its own",
    departure: "An id has exactly 32 characters of base64url; nothing else is looked up.",
  },
  { django: "`session_key` cannot be assigned.", rule: "the id cannot be assigned" },
  {
    django: "Default expiry age is SESSION_COOKIE_AGE, also after `set_expiry(0)`.",
    rule: "by default a session lives for the idle time, also one that ends with the browser",
  },
  {
    django: "`set_expiry(10)`: with a given modification time, date = it + 10 s, age = 10.",
    rule: "setExpiry in seconds counts from now",
    departure: "The moment is the clock's, which a test can inject, and no argument.",
  },
  {
    django: "`set_expiry(timedelta(10 s))`: the same.",
    rule: "setExpiry in seconds counts from now",
    departure: "JavaScript has no type for a duration: a number of seconds is one.",
  },
  { django: "`set_expiry(datetime in 10 s)`: the same.", rule: "setExpiry with a date holds until that date" },
  {
    django: "`set_expiry(None)`, also when none was set, returns to SESSION_COOKIE_AGE.",
    rule: "setExpiry(null) goes back to the default, also when nothing was set",
  },
  {
    django: "Browser-close with the setting False: 10 -> False, 0 -> True, None -> False.",
    rule: "a session ends with the browser when it or the default says so",
  },
  {
    django: "With the setting True: 10 -> False, 0 -> True, None -> True.",
    rule: "a session ends with the browser when it or the default says so",
  },
  { django: "`decode(encode(d)) == d`.", rule: "what is put in comes out: any JSON value, at any depth, in its order" },
  {
    django: "Undecodable text gives {} and a warning.",
    rule: "data that cannot be decoded is never taken as missing and never overwritten, and is reported",
    departure: UNREADABLE,
  },
  {
    django: "Correctly signed data that the serializer cannot read gives {} without an exception.",
    rule: "data that cannot be decoded is never taken as missing and never overwritten, and is reported",
    departure: UNREADABLE,
  },
  {
    django: "A session saved with an expiry 10 s in the past is empty when opened by another store.",
    rule: "a session that was stored with an expiry in the past is empty when it is opened",
  },
  {
    django: "Loading an unknown key sets the key to None and creates no record.",
    rule: "an id that the store does not know is never adopted, and reading it stores nothing",
  },
  {
    django: "Saving a session deleted meanwhile raises UpdateError, does not recreate it, and loading then gives {}.",
    rule: "a session that was ended meanwhile is not stored again: the request is told, and the session stays ended",
    departure: "ERR_SESSION_GONE in place of UpdateError.",
  },
  { django: "Test cookie: absent, set -> worked, deleted -> absent.", rule: "the test cookie: set, it worked, deleted" },
  {
    django: "A base session without key or data is empty.",
    rule: "a session is empty without an id and without data, and only then",
  },
  {
    django: "Truth value: empty false; data without key true; key without data true.",
    rule: "a session is empty without an id and without data, and only then",
    departure: "Every object of JavaScript is true: `isEmpty` is asked instead.",
  },
];
