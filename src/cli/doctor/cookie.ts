import { type Finding, finding } from "./findings.ts";
import type { Check } from "./subject.ts";

/** The cookie's attributes and name. */
export const cookieCheck: Check = {
  name: "cookie",
  run({ options, production }) {
    const { cookie, cookieName, readAlso } = options;
    const { secure, httpOnly, sameSite, partitioned, domain, path } = cookie;
    const found: Finding[] = [];
    if (!secure) found.push(finding("cookie-not-secure", undefined, production ? "error" : "warning"));
    if (!httpOnly) found.push(finding("cookie-script-readable"));
    if (sameSite === "none" && !partitioned) found.push(finding("cookie-cross-site"));
    if (sameSite === false) found.push(finding("cookie-same-site-unset"));
    if (domain !== undefined) found.push(finding("cookie-shared-domain", `It is shared under ${domain}.`));
    const couldHavePrefix = secure && path === "/" && domain === undefined;
    if (couldHavePrefix && !/^__Host-/i.test(cookieName))
      found.push(finding("cookie-no-prefix", `Its name is ${cookieName}.`));
    if (readAlso.length > 0) found.push(finding("cookie-old-names", `They are ${readAlso.join(", ")}.`));
    return found;
  },
};
