import type { Section } from "../guarantee.ts";

export const lost: Section = {
  title: "Nothing is lost in silence",
  guarantees: [
    {
      title: "Updates add up, whatever runs at once",
      rules: [
        "200 increments at once, each retried until it is saved, count 200",
        "of many saves at once onto one version, one is saved, and the others are shown what stands there",
        "200 parallel updates of one session count 200",
        "50 parallel increments of a key that is declared as a sum count 50",
      ],
    },
    {
      title: "They add up between processes",
      rules: [
        "200 increments over two handles, each retried until it is saved, count 200",
        "two processes that update one session lose nothing",
      ],
    },
    {
      title: "What only one request changed survives",
      rules: [
        "50 parallel writers of different keys all survive",
        "what is in a record stays together under many writes",
        "many visitors at once do not get in each other's way",
      ],
    },
    {
      title: "A write replaces what its request had read, or its writer is told",
      rules: [
        "save replaces the record that still has the version that was read",
        "save keeps the moment when the session began",
        "save onto another version is a conflict that shows the record, and changes nothing",
        "versions that differ only in case are different versions",
        "versions that look like numbers stay text",
        "any text may be a version",
        "a save that is delivered late, after others, changes nothing",
      ],
    },
    {
      title: "A write that is sent again counts once",
      rules: [
        "a create that is delivered twice stores one record, and the writer finds its own version",
        "a save that is delivered twice is stored once, and the writer finds its own version",
        "a touch that is delivered twice or late does no more than once",
        "a retire that is delivered twice finds its own tombstone",
      ],
    },
    {
      title: "A new id takes everything along",
      rules: [
        "cycleId gives a new id, keeps the data and its order, and ends the old id",
        "cycleId on a session that was not read keeps its data",
        "a write that was answered while the id was changing is in the session under its new id",
      ],
    },
    {
      title: "A new id is one step of the store, whole or not at all",
      rules: [
        "rotate moves the session to its new handle and retires the old one",
        "rotate leaves the tombstone that it was given",
        "a rotation after another write is a conflict, and neither half happens",
        "a rotation of nothing creates nothing",
        "a rotation onto a handle that is taken is refused, and changes nothing",
        "of 20 rotations of one session at once, one wins, and the others leave nothing",
        "in a race between rotate and save, one wins and nothing that was acknowledged is lost",
        "a rotation that is delivered twice happens once, and the writer finds its own version",
        "a rotation that arrives after logout does not bring the session back under a new id",
        "in a race between rotate and logout, the old id is over, and there is an heir only if the rotation came first",
        "the tombstone of a rotation is known by its token as well",
      ],
    },
    {
      title: "A new session never takes the place of another",
      rules: [
        "create refuses a handle that a record has, and leaves the record alone",
        "create refuses the handle of an expired record",
        "of 100 creates of one handle at once, one wins, and its record is the one that is stored",
      ],
    },
    {
      title: "Of two processes that begin one session, one wins",
      rules: ["of creates of one handle over two handles, one wins"],
    },
    {
      title: "Of two processes that give it a new id, one wins",
      rules: ["of two rotations over two handles, one wins, and the other leaves nothing"],
    },
    {
      title: "Data comes back exactly, or is refused",
      rules: [
        "a new record comes back exactly as it was written",
        "many records do not mix",
        "loading changes nothing, however often it is done",
        "data comes back character by character, whatever is in it",
        "data of 1 MB comes back whole",
        "data that an engine cannot hold is refused, never changed",
        "times from 1970 to the year 9999 come back to the millisecond",
        "what is put in comes out: any JSON value, at any depth, in its order",
        "a session of 1 MB is stored whole, and one beyond the bound not at all",
      ],
    },
    {
      title: "What cannot be read is never overwritten",
      rules: [
        "an unreadable record is refused as unreadable, never taken as missing",
        "an unreadable record is never overwritten",
        "an unreadable record can still be ended",
        "data that cannot be decoded is never taken as missing and never overwritten, and is reported",
        "a record that the store cannot read is never overwritten by a session, and can be revoked",
      ],
    },
    {
      title: "Sessions survive a restart",
      rules: ["everything is there after a restart: records, tombstones, users and their epochs"],
    },
  ],
};
