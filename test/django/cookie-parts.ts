import type { CookieAttributes } from "../../src/cookie/serialize.ts";

/** The parts of a `Set-Cookie` value by their names in lower case; under `""` stand the cookie's name and value. */
export function partsOf(header: string): Record<string, string | true | readonly unknown[]> {
  const [pair = "", ...attributes] = header.split("; ");
  const [name, value] = halves(pair);
  const parts: Record<string, string | true | readonly unknown[]> = { "": [name, value] };
  for (const attribute of attributes) {
    const [key, text] = halves(attribute);
    parts[key.toLowerCase()] = text ?? true;
  }
  return parts;
}

function halves(text: string): readonly [string, string | undefined] {
  const at = text.indexOf("=");
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** A vector's settings, which have Django's names, as this library has them. */
export function attributesOf(vector: Readonly<Record<string, unknown>>): CookieAttributes {
  const { path, domain, secure, httponly, samesite, max_age: maxAge } = vector;
  return {
    path: String(path),
    domain: typeof domain === "string" ? domain : undefined,
    secure: secure === true,
    httpOnly: httponly === true,
    sameSite: samesite === false ? false : (String(samesite).toLowerCase() as "lax" | "strict" | "none"),
    partitioned: false,
    maxAgeSeconds: typeof maxAge === "number" ? maxAge : undefined,
  };
}
