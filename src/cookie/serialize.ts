/** A cookie's attributes, as `Set-Cookie` has them. */
export interface CookieAttributes {
  readonly path: string;
  /** Absent: the cookie goes back to the very host that set it. Present: to that domain and everything below it. */
  readonly domain?: string | undefined;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  /** False leaves the attribute out, and the choice to the browser. */
  readonly sameSite: "lax" | "strict" | "none" | false;
  /** One jar for each embedding site (CHIPS); for a cookie that is used inside other sites' pages. */
  readonly partitioned: boolean;
  /**
   * Seconds until the browser forgets the cookie, rounded up to whole ones and clamped to 0 and 400 days, which is the most
   * that browsers keep. Absent: until the browser is closed.
   */
  readonly maxAgeSeconds?: number | undefined;
}

/** The most bytes of name and value together. Browsers drop a larger cookie without a word (measured: 4,097 in Chromium). */
export const MAX_COOKIE_BYTES = 4096;

const MAX_AGE_SECONDS = 400 * 24 * 60 * 60;
// RFC 9110 5.6.2 and RFC 6265 4.1.1.
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NOT_A_COOKIE_OCTET = /[^\x21\x23-\x2B\x2D-\x3A\x3C-\x5B\x5D-\x7E]/;
const SAME_SITE = { lax: "Lax", strict: "Strict", none: "None" } as const;

/**
 * One `Set-Cookie` value.
 *
 * The name and the attributes are taken as `checkCookieAttributes` found them good; the value is checked here.
 *
 * @param maxAgeSeconds by default the attributes' own
 * @throws {TypeError} when the value has a character that a cookie cannot carry
 * @throws {RangeError} when name and value exceed 4,096 bytes
 */
export function serializeCookie(
  name: string,
  value: string,
  attributes: CookieAttributes,
  maxAgeSeconds = attributes.maxAgeSeconds,
): string {
  if (NOT_A_COOKIE_OCTET.test(value)) {
    throw new TypeError("A cookie's value has a character that cookies cannot carry. Encode it, for example as base64url.");
  }
  if (name.length + value.length > MAX_COOKIE_BYTES) {
    throw new RangeError(`A cookie exceeds ${MAX_COOKIE_BYTES} bytes, and a browser would drop it. Store less in it.`);
  }
  return `${name}=${value}${attributesText(attributes, maxAgeSeconds)}`;
}

let last: { readonly attributes: CookieAttributes; readonly maxAge: number | undefined; readonly text: string } | undefined;

/** The same for most cookies: those of one configuration, with one age. */
function attributesText(attributes: CookieAttributes, maxAge: number | undefined): string {
  // Frozen ones alone cannot have changed since.
  if (last?.attributes === attributes && last.maxAge === maxAge) return last.text;
  const lifetime = maxAge === undefined ? "" : `; Max-Age=${clampMaxAge(maxAge)}`;
  const text = `${scope(attributes)}${lifetime}${flags(attributes)}`;
  if (Object.isFrozen(attributes)) last = { attributes, maxAge, text };
  return text;
}

/**
 * The `Set-Cookie` value that makes a browser forget a cookie: path, domain and partition must be those it was set with, and
 * a prefixed name keeps the attributes that its prefix asks for.
 */
export function serializeDeletion(name: string, attributes: CookieAttributes): string {
  return `${name}=${scope(attributes)}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT${flags(attributes)}`;
}

function scope({ path, domain }: CookieAttributes): string {
  return domain === undefined ? `; Path=${path}` : `; Path=${path}; Domain=${domain}`;
}

function flags({ httpOnly, secure, sameSite, partitioned }: CookieAttributes): string {
  const site = sameSite === false ? "" : `; SameSite=${SAME_SITE[sameSite]}`;
  return `${httpOnly ? "; HttpOnly" : ""}${secure ? "; Secure" : ""}${site}${partitioned ? "; Partitioned" : ""}`;
}

function clampMaxAge(seconds: number): number {
  if (Number.isNaN(seconds)) throw new TypeError("A cookie's maxAgeSeconds is not a number.");
  return Math.min(Math.max(Math.ceil(seconds), 0), MAX_AGE_SECONDS);
}

/**
 * Checks a cookie's name and attributes, once, when they are configured: what browsers would refuse without a word is
 * refused here with the reason.
 *
 * @throws {TypeError} saying what to change
 */
export function checkCookieAttributes(name: string, attributes: CookieAttributes): void {
  checkName(name);
  checkPath(attributes.path);
  if (attributes.domain !== undefined) checkDomain(attributes.domain);
  checkFlags(attributes);
  checkPrefix(name, attributes);
}

function checkName(name: string): void {
  if (typeof name !== "string" || !TOKEN.test(name) || name.length > 256) {
    throw new TypeError("A cookie's name must be 1 to 256 letters, digits or the marks !#$%&'*+-.^_`|~. Rename the cookie.");
  }
  if (name.startsWith("$")) {
    throw new TypeError(
      "A cookie's name must not begin with a dollar sign, which old servers read as an attribute. Rename it.",
    );
  }
}

function checkPath(path: string): void {
  if (typeof path !== "string" || !/^\/[\x21-\x2B\x2D-\x3A\x3C-\x7E]*$/.test(path) || path.length > 1024) {
    throw new TypeError(
      'A cookie\'s path must begin with "/" and hold no blank, control character, comma, semicolon or letter beyond ' +
        'ASCII. Use "/" for the whole site, or percent-encode it.',
    );
  }
}

function checkDomain(domain: string): void {
  const label = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?";
  if (typeof domain !== "string" || domain.length > 253 || !new RegExp(`^\\.?${label}(?:\\.${label})*$`).test(domain)) {
    throw new TypeError(
      'A cookie\'s domain must be a host name in ASCII without scheme, port or path, like "example.com". ' +
        "Leave it out for one host.",
    );
  }
}

function checkFlags({ secure, httpOnly, sameSite, partitioned, maxAgeSeconds }: CookieAttributes): void {
  for (const [option, value] of Object.entries({ secure, httpOnly, partitioned })) {
    if (typeof value !== "boolean") throw new TypeError(`A cookie's ${option} must be true or false.`);
  }
  if (sameSite !== false && !Object.hasOwn(SAME_SITE, sameSite)) {
    throw new TypeError('A cookie\'s sameSite must be "lax", "strict", "none" or false.');
  }
  if (maxAgeSeconds !== undefined && (typeof maxAgeSeconds !== "number" || Number.isNaN(maxAgeSeconds))) {
    throw new TypeError("A cookie's maxAgeSeconds must be a number of seconds.");
  }
  if (sameSite === "none" && !secure) {
    throw new TypeError('Browsers refuse a cookie with sameSite "none" that is not secure. Set secure: true, or use "lax".');
  }
  if (partitioned && !secure) {
    throw new TypeError("Browsers refuse a partitioned cookie that is not secure. Set secure: true, or partitioned: false.");
  }
}

function checkPrefix(name: string, { secure, httpOnly, path, domain }: CookieAttributes): void {
  // Browsers compare prefixes without regard to case.
  const prefix = /^__(?:Host-Http|Host|Secure|Http)-/i.exec(name)?.[0];
  if (prefix === undefined) return;
  const kind = prefix.toLowerCase();
  if (!secure)
    throw new TypeError(`Browsers refuse a cookie named ${prefix}… that is not secure. Set secure: true, or rename it.`);
  if (kind.includes("http-") && !httpOnly) {
    throw new TypeError(`Browsers refuse a cookie named ${prefix}… that is not httpOnly. Set httpOnly: true, or rename it.`);
  }
  if (kind.startsWith("__host-") && path !== "/") {
    throw new TypeError(
      `Browsers refuse a cookie named ${prefix}… with another path than "/". Set path: "/", or rename it.`,
    );
  }
  if (kind.startsWith("__host-") && domain !== undefined) {
    throw new TypeError(
      `Browsers refuse a cookie named ${prefix}… with a domain. Leave the domain out, or name it __Secure-… to share ` +
        "it with every host of the domain, which may then overwrite it.",
    );
  }
}
