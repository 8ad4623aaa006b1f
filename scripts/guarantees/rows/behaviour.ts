import type { Section } from "../guarantee.ts";

export const behaviour: Section = {
  title: "How sessions and stores behave",
  guarantees: [
    {
      title: "A session is a dictionary, saved only when it changed",
      rules: [
        "a session that nobody asked for is neither accessed nor modified, and sets no cookie",
        "a key that is not there is undefined",
        "setting a key marks the session modified, and pop gives the value back",
        "pop of a stored key gives its value, and the key is gone from the store",
        "pop of a key that is not there gives the fallback and changes nothing",
        "setDefault stores the first value and gives it from then on",
        "several keys can be set at once, and nested changes count",
        "looking at keys, values and entries is an access and no change",
        "clear empties a session and keeps its id",
        "save leaves the data in memory as it is",
        "a session is empty without an id and without data, and only then",
      ],
    },
    {
      title: "A message is shown once",
      rules: [
        "a message for the next page is shown once, and a failed page consumes nothing",
        "the test cookie: set, it worked, deleted",
      ],
    },
    {
      title: "The store never holds an id",
      rules: ["after the response, the session is in the store, under the hash of its id", "the id cannot be assigned"],
    },
    {
      title: "Hostile text in place of a handle finds nothing",
      rules: [
        "text that is no handle finds nothing, and never another's record",
        "text that is no handle is refused, or kept apart like any other",
      ],
    },
    {
      title: "Records are copied",
      rules: [
        "changing a record after it was created does not change what is stored",
        "changing a record after it was saved or rotated does not change what is stored",
        "changing a record that load gave does not change what is stored",
        "changing a record that a conflict showed does not change what is stored",
        "changing a record of a list does not change what is stored",
        "changing a tombstone that was given or given back does not change what is stored",
        "frozen records are accepted",
      ],
    },
    {
      title: "A listing shows every session, page by page",
      rules: [
        "an empty store lists nothing",
        "a listing gives whole records in the order of their handles",
        "pages of any size, put together, are the whole list",
        "a page begins after a handle that is no longer there",
        "a listing leaves out tombstones, and a page is full while records follow",
        "a listing shows expired records, because the session decides on expiry",
        "a listing shows what was saved and touched last",
        "a session that is over is in no list",
      ],
    },
    {
      title: "A store says what it is, and closes cleanly",
      rules: [
        "a store says what it is: a name, where processes meet, whether sessions survive a restart",
        "closing one handle leaves the other at work",
        "closing twice is as good as once",
      ],
    },
  ],
};
