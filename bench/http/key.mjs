import { randomBytes } from "node:crypto";

/** A key for the cookie store, as `sojourn generate-key` makes one. */
export const generateKeyText = () => randomBytes(32).toString("base64url");
