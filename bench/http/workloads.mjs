/**
 * What is asked of every library. `fill` is the path that prepares a visitor; `garbage` what the cookies are replaced with; `own`
 * that each connection has a cookie of its own and keeps what it is given.
 */
export const WORKLOADS = [
  { name: "A", title: "an anonymous visitor; the session is not asked for", path: "/" },
  { name: "B", title: "a visitor with a session, which is not asked for", path: "/", fill: "/d" },
  { name: "C", title: "one value of the session is read", path: "/c", fill: "/d" },
  { name: "D", title: "a counter: the session is read and written", path: "/d", fill: "/d" },
  { name: "E", title: "a login: the session gets a new id, and a user", path: "/e", fill: "/d", own: true },
  { name: "F10", title: "one value of a session of 10 KB is read", path: "/c", fill: "/fill10" },
  { name: "F100", title: "one value of a session of 100 KB is read", path: "/c", fill: "/fill100" },
  { name: "H1", title: "a session is asked for, with a cookie that is none", path: "/c", fill: "/d", garbage: "misshapen" },
  { name: "H2", title: "the same, with a cookie that looks like one", path: "/c", fill: "/d", garbage: "made up" },
];

/** Cookies that an attacker sends: of no library's shape, or of this one's with other letters. */
export function garbled(cookie, kind) {
  return cookie
    .split("; ")
    .map((pair) => {
      const at = pair.indexOf("=") + 1;
      const value = pair.slice(at);
      const made = kind === "misshapen" ? "(".repeat(40) : value.replaceAll(/[A-Za-z0-9]/g, other);
      return pair.slice(0, at) + made;
    })
    .join("; ");
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz";
/** Another letter or digit in its place, so that the shape stays. */
const other = (letter) => (/\d/.test(letter) ? String(Math.floor(Math.random() * 10)) : cased(letter));
function cased(letter) {
  const made = LETTERS[Math.floor(Math.random() * 26)];
  return letter === letter.toUpperCase() ? made.toUpperCase() : made;
}
