import type { Section } from "../guarantee.ts";

export const users: Section = {
  title: "Users and their devices",
  guarantees: [
    {
      title: "A login binds the user under a new id",
      rules: [
        "a record of a user comes back with its user and epoch",
        "epochs as large as a time in milliseconds come back exactly",
        "a user is exactly the text that was given: no other spelling is the same user",
        "a login binds the user under a new id; logout ends it",
      ],
    },
    {
      title: "Revoking a user ends every session, and a login on its way",
      rules: [
        "a user that was never revoked has epoch 0 and no sessions",
        "an epoch rises to what was asked, once however often it is sent, and never goes back",
        "of epochs advanced at once the highest holds",
        "a login from before a revocation is refused, by create, save and rotate",
        "a record of the user's present epoch, or ahead of it, is accepted",
        "a write of another visitor or of nobody is not touched by a user's revocation",
        "a revoked record is still there to be listed and ended",
        "a load that comes with a user brings the user's present epoch",
        "a conflict that brings a user's epoch brings the present one",
        "revoking while logins run: what is live afterwards is listed, and load shows that it is revoked",
        "revoking a user ends every session but the one to keep, and a login that was on its way",
      ],
    },
    {
      title: "A user revoked in one process is revoked in the others",
      rules: ["a user revoked through one handle is revoked for the other"],
    },
    {
      title: "No live session is missing from its user's list",
      rules: [
        "a user's sessions are listed exactly: created, saved, ended",
        "a session that changes its user moves from one list to the other",
        "a refused create leaves no trace in the user's list",
        "a refused write leaves the lists as they were",
        "a touched session is listed with its new deadline",
        "all of a user's 60 sessions are listed",
        "at no moment is a live session missing from its user's list",
        "logins and logouts of one user at once leave exactly the live ones in the list",
      ],
    },
    {
      title: "A session under a new id is in the list once",
      rules: ["a rotated session is listed under its new handle only"],
    },
  ],
};
