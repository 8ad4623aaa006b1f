/** What a session holds besides the counter: some 200 bytes, as a shop might keep. */
const USER = {
  name: "Ada Lovelace",
  roles: ["reader", "editor"],
  cart: ["book-1843", "engine-no-2", "notes-g"],
  theme: "dark",
  seen: "2026-01-01T00:00:00.000Z",
};

/** The least that a handler has to do with a session: read one value. */
const read = (data) => String(data.count);

/** The least that a handler has to do to change it. */
export function count(data) {
  data.user ??= USER;
  data.count = (data.count ?? 0) + 1;
  return String(data.count);
}

/** Makes it so many kilobytes large, of lines as an application has them. */
function fill(data, kilobytes) {
  const line = (index) => ({ id: index, title: `The ${index}th of some things`, price: index * 100 + 99, tags: ["a", "b"] });
  data.lines = Array.from({ length: Math.round(kilobytes * 12.8) }, (_, index) => line(index));
  return count(data);
}

/** Marks it as somebody's, where a library has no login of its own. */
export function bind(data) {
  data.userId = "ada";
  return count(data);
}

/** What is done with a session's data, by the path that is asked for. `/e` is a login, which every library does in its own way. */
export const ACTIONS = {
  "/c": read,
  "/d": count,
  "/fill10": (data) => fill(data, 10),
  "/fill100": (data) => fill(data, 100),
};
