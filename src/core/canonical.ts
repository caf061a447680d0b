/**
 * JSON with sorted keys and without undefined members: equal values give equal text, so its hash names the value.
 * Throws what `JSON.stringify` throws for cycles and bigints.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (member === null || typeof member !== "object" || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });
}
