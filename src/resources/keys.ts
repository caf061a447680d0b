import type { Described, ResourceFile } from "./definition.ts";
import type { Field } from "./document.ts";
import type { Findings } from "./findings.ts";
import * as kind from "./kinds.ts";
import { nearest } from "./suggest.ts";

/** How a property is spelt in a file: first its own name, then others'. Snake and kebab case count as camel case. */
interface Key<Value> {
  readonly kind: kind.Kind<Value>;
  readonly names: readonly string[];
}

/** The keys that one kind of thing understands, by the property that they fill. */
type Keys = Readonly<Record<string, Key<unknown>>>;
type Values<Table extends Keys> = {
  readonly [Property in keyof Table]?: Table[Property] extends Key<infer Value> ? Exclude<Value, ""> : never;
};

/** A key of a table: its kind, its own name, and other spellings. */
export function key<Value>(of: kind.Kind<Value>, ...names: readonly string[]): Key<Value> {
  return { kind: of, names };
}

/** Keys that every kind of definition has. */
export const describedKeys = {
  name: key(kind.text, "name"),
  description: key(kind.text, "description"),
  triggers: key(kind.list, "triggers", "trigger"),
  useWhen: key(kind.list, "useWhen"),
  avoidWhen: key(kind.list, "avoidWhen"),
  cost: key(kind.oneOf(["free", "cheap", "expensive"]), "cost"),
  category: key(kind.text, "category"),
};

const nameShape = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * The fields of a file (or of one step or role) as what they ought to be. A wrong value is an error with its place and,
 * like a key that is absent, empty or switched off, gives no property; an unknown key is a warning. `at` is the place of
 * a property, or of the whole (`where`) when it is not given.
 */
export function readKeys<Table extends Keys>(
  table: Table,
  where: string,
  fields: readonly Field[],
  found: Findings,
): { readonly values: Values<Table>; readonly at: (property: keyof Table) => string } {
  const values = new Map<string, unknown>();
  const places = new Map<PropertyKey, string>();
  for (const field of fields) {
    const property = propertyOf(table, field.key);
    const of = property === undefined ? undefined : table[property]?.kind;
    if (property === undefined || of === undefined) {
      const known = Object.values(table).map(({ names }) => names[0] ?? "");
      const near = nearest(field.key, known);
      const remedy = near ? `did you mean "${near}"?` : `remove it; known keys: ${known.join(", ")}`;
      found.warn(field.where, `unknown key "${field.key.slice(0, 80)}" is ignored`, remedy);
    } else if (places.has(property)) {
      found.error(
        field.where,
        `"${field.key}" says again what ${places.get(property)} says`,
        "keep one of them",
      );
    } else {
      places.set(property, field.where);
      const value = field.value === null || field.value === "" ? "" : of.read(field.value);
      if (value === undefined)
        found.error(field.where, `${field.key}: ${shown(field.value)} ${of.rule}`, of.remedy);
      else if (value !== "") values.set(property, value);
    }
  }
  // Each value was read by the kind of its own property.
  return {
    values: Object.fromEntries(values) as Values<Table>,
    at: (property) => places.get(property) ?? where,
  };
}

/** The property that a key fills, if any. */
export function propertyOf(table: Keys, name: string): string | undefined {
  const camel = name.replace(/[-_]([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.keys(table).find((property) => table[property]?.names.includes(camel));
}

/** The part that agents, teams and workflows share. The file's stem is the name where the front matter gives none. */
export function describe(
  { kind: of, stem, file, source }: ResourceFile,
  values: Values<typeof describedKeys>,
  nameWhere: string,
  found: Findings,
): Described {
  const {
    name = stem,
    description = "",
    triggers = [],
    useWhen = [],
    avoidWhen = [],
    cost,
    category,
  } = values;
  const shown = JSON.stringify(name.slice(0, 80));
  if (!nameShape.test(name)) {
    const remedy = "use 1 to 64 letters, digits, . _ and -, beginning with a letter or digit";
    found.error(nameWhere, `${of} name ${shown} is not usable`, remedy);
  }
  if (description === "") {
    found.warn(`${file}:1`, `${of} ${shown} has no description`, "add one line about what it is for");
  }
  const optional = { ...(cost && { cost }), ...(category && { category }) };
  return { name, description, source, file, triggers, useWhen, avoidWhen, ...optional };
}

function shown(value: unknown): string {
  return (typeof value === "object" ? JSON.stringify(value) : `"${value}"`).slice(0, 60);
}
