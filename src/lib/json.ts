/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** True for an object that is no list. */
export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The members of an object or list, none of anything else: for values that somebody else wrote. */
export function membersOf(value: unknown): Json {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** A JSON object, or undefined for any other text. */
export function parseObject(text: string): Json | undefined {
  if (!text.trimStart().startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    // A worker may print anything, a person may write anything: what is no JSON is no object.
    return undefined;
  }
}

/**
 * What a value of JSON must be. True when it is; else every problem is added to the list, with its place as in
 * `rules[0].name`. Our own, because what workers and extensions load at their start must import no library.
 */
export type Shape<T> = (value: unknown, at: string, problems: string[]) => value is T;

export const text = simple<string>("a text", (value) => typeof value === "string");
export const flag = simple<boolean>("true or false", (value) => typeof value === "boolean");
export const amount = simple<number>(
  "a number, 0 or more",
  (value) => Number.isFinite(value) && Number(value) >= 0,
);
export const count = simple<number>(
  "a whole number, 0 or more",
  (value) => Number.isSafeInteger(value) && Number(value) >= 0,
);

/** A value that passes the test; `expected` completes the sentence "<place> must be ...". */
export function simple<T>(expected: string, test: (value: unknown) => boolean): Shape<T> {
  return (value, at, problems): value is T => {
    const fits = test(value);
    if (!fits) problems.push(`${at} must be ${expected}`);
    return fits;
  };
}

/** One of these words. */
export function oneOf<T extends string>(...words: readonly T[]): Shape<T> {
  return simple(`one of ${words.join(", ")}`, (value) => words.some((word) => word === value));
}

/** The shape, or nothing at all (null is something). */
export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return (value, at, problems): value is T | undefined => value === undefined || shape(value, at, problems);
}

/** A list whose every item has the shape. */
export function list<T>(shape: Shape<T>): Shape<readonly T[]> {
  return (value, at, problems): value is readonly T[] => {
    if (Array.isArray(value))
      return value.map((item, index) => shape(item, `${at}[${index}]`, problems)).every(Boolean);
    problems.push(`${at} must be a list`);
    return false;
  };
}

/** An object with these fields and no others. */
export function record<T>(
  fields: { readonly [K in keyof T]-?: Shape<T[K]> | Shape<T[K] | undefined> },
): Shape<T> {
  const shapes: Readonly<Record<string, Shape<unknown>>> = fields;
  return (value, at, problems): value is T => {
    if (!isRecord(value)) {
      problems.push(`${at} must be an object`);
      return false;
    }
    const before = problems.length;
    for (const key of Object.keys(value))
      if (!Object.hasOwn(shapes, key))
        problems.push(`${at} has an unknown key "${key}" (known: ${Object.keys(shapes).join(", ")})`);
    for (const [key, shape] of Object.entries(shapes)) shape(value[key], `${at}.${key}`, problems);
    return problems.length === before;
  };
}
