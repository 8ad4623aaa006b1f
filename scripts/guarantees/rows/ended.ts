import type { Section } from "../guarantee.ts";

export const ended: Section = {
  title: "What was ended stays ended",
  guarantees: [
    {
      title: "A logout holds against requests under way",
      rules: [
        "retire ends a record, and says why from then on",
        "retire without a version ends the record whatever was written meanwhile",
        "retire with a version ends only the record that still has it",
        "retire ends a record past its deadline",
        "create refuses the handle of a session that is over, so it does not come back",
        "a write that arrives after logout does not bring the session back",
        "a touch that arrives after the session ended does not bring it back",
        "a load that was under way when the session ended or changed does not bring the old state back",
        "in a race between logout and writes, the session stays ended",
        "in a race between two ends of a session, the first reason holds for both",
        "a revoked session is gone from the store",
        "flush ends the session at once, forgets its id and deletes the cookie",
        "what is written after flush is a new session under a new id",
        "a session that was ended meanwhile is not stored again: the request is told, and the session stays ended",
        "in a race between logout and writes of requests, the session stays ended, and every write is told",
      ],
    },
    {
      title: "It holds between processes",
      rules: ["in a race between logout and writes over two handles, the session stays ended"],
    },
    {
      title: "Whoever comes late is told what happened",
      rules: [
        "a tombstone comes back as it was left: its reason, its token, its successor and its time",
        "an earlier tombstone stays, and the one who comes later is told its reason and its token",
        "a tombstone past its time is still a tombstone until it is swept",
        "a write that arrives after a rotation is told so, and does not bring the old id back",
      ],
    },
    {
      title: "An id from before a change ends what it became, and disturbs nothing",
      rules: [
        "a logout that comes with the id from before it was changed ends the session under its new id",
        "a response that leaves after the id was changed elsewhere says nothing about the cookie",
      ],
    },
    {
      title: "An unknown id is never adopted",
      rules: [
        "a handle that was never stored is missing",
        "loading a handle that holds nothing creates nothing",
        "save never creates: a write onto nothing leaves nothing",
        "touch never creates: a touch of nothing leaves nothing",
        "retire of nothing leaves nothing behind",
        "a cookie that is no id is not read, and a session is stored under an id of its own",
        "an id that the store does not know is never adopted, and reading it stores nothing",
      ],
    },
    {
      title: "What is done under a session's lock is done by one at a time",
      rules: [
        "the record of a lock is a record like any other",
        "what is done under a session's lock is done by one request at a time, and lists show no locks",
      ],
    },
  ],
};
