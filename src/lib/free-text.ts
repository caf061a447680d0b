/** Fields of events, requests and manifests that hold what people, agents and programs said. */
const freeText: ReadonlySet<string> = new Set([
  "goal",
  "prompt",
  "systemPrompt",
  "description",
  "text",
  "what",
  "message",
  "reason",
  "activity",
  "by",
  "fallback",
  "options",
]);

/**
 * The value with every free text in it redacted. Whoever writes a text redacts it first; this is the last door before
 * the disk. Ids, paths, hashes and numbers are never touched: they must stay what they are.
 */
export function redactFreeText<T>(value: T, redact: (text: string) => string): T {
  // Only the content of strings changes, never a type.
  return walk(value, redact) as T;
}

/** `name` is the key of the value, or of the list that it is in. */
function walk(value: unknown, redact: (text: string) => string, name = ""): unknown {
  if (typeof value === "string") return freeText.has(name) ? redact(value) : value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => walk(item, redact, name));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, redact, key)]));
}
