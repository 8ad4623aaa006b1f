/**
 * Adds a name to a `Vary` header: order kept, names compared without case, and `*` wins, as Django's `patch_vary_headers` has it
 * (RFC 9110, 12.5.5).
 */
export function mergeVary(present: string | undefined, name: string): string {
  if (present === undefined) return name;
  const names = present.split(",").flatMap((part) => part.trim() || []);
  if (names.includes("*")) return "*";
  const known = names.some((other) => other.toLowerCase() === name.toLowerCase());
  return known ? names.join(", ") : [...names, name].join(", ");
}
