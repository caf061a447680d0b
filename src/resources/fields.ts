import type { Found } from "./definition.ts";
import type { Field } from "./document.ts";
import { nearest } from "./suggest.ts";

/** The keys that one kind of thing understands. */
export interface Vocabulary {
  /** "agent", "step", …: what the message calls it. */
  readonly thing: string;
  readonly keys: readonly string[];
  /** Other spellings, read as the key they stand for. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Keys of the format that this version cannot honour: an error, unless they are switched off. */
  readonly unsupported?: readonly string[];
  /** Decoration of other tools: passed over without a word. */
  readonly decoration?: readonly string[];
}

const entriesMax = 200;
const dayMs = 86_400_000;
const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * Reads the fields of one file (or of one step) as what they ought to be. A value of the wrong type is a fatal problem
 * with its line, and then yields nothing; so does, without a problem, a key that is absent or empty.
 */
export class Fields {
  private readonly file: string;
  private readonly byKey = new Map<string, Field>();
  private readonly found: Found[];
  private readonly firstLine: number;

  /** `firstLine` is told where a key that is missing would have been. */
  constructor(file: string, firstLine: number, fields: readonly Field[], words: Vocabulary, found: Found[]) {
    this.file = file;
    this.firstLine = firstLine;
    this.found = found;
    for (const field of fields) this.take(field, words);
  }

  private take(field: Field, words: Vocabulary): void {
    const where = `${this.file}:${field.line}`;
    const alias =
      words.aliases && Object.hasOwn(words.aliases, field.key) ? words.aliases[field.key] : undefined;
    const key = alias ?? field.key;
    if (words.decoration?.includes(key)) return;
    if (words.unsupported?.includes(key)) {
      if (field.value === null || isOff(field.value)) return;
      const message = `${words.thing} key "${key}" is not supported by this version`;
      const remedy = "remove it, or run this with a version that honours it";
      this.found.push({ where, message, remedy, fatal: true });
    } else if (!words.keys.includes(key)) {
      const near = nearest(key, [...words.keys, ...Object.keys(words.aliases ?? {})]);
      const remedy = near ? `did you mean "${near}"?` : `remove it; known keys: ${words.keys.join(", ")}`;
      this.found.push({
        where,
        message: `unknown ${words.thing} key "${key}" is ignored`,
        remedy,
        fatal: false,
      });
    } else if (this.byKey.has(key)) {
      const other = this.byKey.get(key);
      const message = `"${field.key}" says again what line ${other?.line} says ("${key}")`;
      this.found.push({ where, message, remedy: "keep one of them", fatal: true });
    } else this.byKey.set(key, { ...field, key });
  }

  /** Line of a key, or of the first line where it is absent. */
  line(key: string): number {
    return this.byKey.get(key)?.line ?? this.firstLine;
  }

  /** The value as it stands; null and empty text count as absent. */
  raw(key: string): unknown {
    const value = this.byKey.get(key)?.value;
    return value === null || (typeof value === "string" && value.trim() === "") ? undefined : value;
  }

  /** Tells a problem at a key's line. */
  report(key: string, message: string, remedy: string, fatal = true): void {
    this.found.push({ where: `${this.file}:${this.line(key)}`, message, remedy, fatal });
  }

  /** One text without surrounding blanks. */
  text(key: string): string | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    if (typeof value === "string") return value.trim();
    this.report(key, `"${key}" must be text, not ${kindOf(value)}`, `write ${key}: "…" (in quotes)`);
    return undefined;
  }

  /** Like `text`, where `false` says explicitly: none. */
  textOrOff(key: string): string | undefined {
    return isOff(this.raw(key)) ? undefined : this.text(key);
  }

  /** `provider/id[:thinking]`; `false` and `inherit` name none. */
  model(key: string): string | undefined {
    const model = this.textOrOff(key);
    if (model === undefined || model === "inherit") return undefined;
    if (isModel(model)) return model;
    this.report(key, `"${model.slice(0, 60)}" is not a model`, "write provider/id or provider/id:thinking");
    return undefined;
  }

  /** A YAML list, `[a, b]` or `a, b`; `false` is the empty list. Each entry once. */
  list(key: string): readonly string[] | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    if (isOff(value)) return [];
    const entries = typeof value === "string" ? value.replace(/^\[(.*)\]$/s, "$1").split(",") : value;
    if (!Array.isArray(entries) || !entries.every((entry) => typeof entry === "string")) {
      this.report(key, `"${key}" must be a list of names, not ${kindOf(value)}`, `write ${key}: a, b`);
      return undefined;
    }
    if (entries.length > entriesMax) {
      this.report(key, `"${key}" has ${entries.length} entries`, `give at most ${entriesMax}`);
      return undefined;
    }
    return [...new Set(entries.map((entry) => unquote(entry.trim())).filter((entry) => entry !== ""))];
  }

  flag(key: string): boolean | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    if (value === true || value === "true") return true;
    if (value === false || value === "false") return false;
    this.report(key, `"${key}" must be true or false, not ${kindOf(value)}`, `write ${key}: true`);
    return undefined;
  }

  integer(key: string, min: number, max: number): number | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    const number = typeof value === "string" && /^\d+$/.test(value.trim()) ? Number(value) : value;
    if (typeof number === "number" && Number.isInteger(number) && number >= min && number <= max)
      return number;
    this.report(
      key,
      `"${key}" must be a whole number from ${min} to ${max}, not ${kindOf(value)}`,
      "correct it",
    );
    return undefined;
  }

  /** US dollars above zero: `0.5`, `$0.50`. */
  dollars(key: string): number | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    const amount =
      typeof value === "string" && /^\$?\d+(\.\d+)?$/.test(value.trim())
        ? Number(value.trim().replace("$", ""))
        : value;
    if (typeof amount === "number" && Number.isFinite(amount) && amount > 0) return amount;
    this.report(key, `"${key}" must be US dollars above zero, not ${kindOf(value)}`, `write ${key}: 0.50`);
    return undefined;
  }

  /** Milliseconds, from one second to seven days: `30s`, `10m`, `2h`. */
  duration(key: string): number | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    const [, amount, unit = ""] =
      (typeof value === "string" && /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(value.trim())) || [];
    const ms = Math.round(Number(amount) * (unitsMs[unit] ?? Number.NaN));
    if (ms >= 1_000 && ms <= 7 * dayMs) return ms;
    this.report(
      key,
      `"${key}" must be a time from 1s to 168h, not ${kindOf(value)}`,
      `write ${key}: 10m (s, m or h)`,
    );
    return undefined;
  }

  oneOf<Word extends string>(key: string, words: readonly Word[], fatal = true): Word | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    const word = words.find((known) => typeof value === "string" && known === value.trim());
    if (word === undefined) {
      this.report(
        key,
        `"${key}" is ${kindOf(value)}, which is not known`,
        `use one of: ${words.join(", ")}`,
        fatal,
      );
    }
    return word;
  }

  /** Words that nothing depends on: one text is one entry (or several, where `split`). A wrong value is told and dropped. */
  hints(key: string, split: boolean): readonly string[] {
    const value = this.raw(key);
    if (value === undefined || isOff(value)) return [];
    const entries = typeof value === "string" ? (split ? value.split(",") : [value]) : value;
    if (Array.isArray(entries) && entries.every((entry) => typeof entry === "string")) {
      return entries.slice(0, entriesMax).map((entry) => entry.trim());
    }
    this.report(key, `"${key}" must be text or a list, not ${kindOf(value)}`, `write ${key}: a, b`, false);
    return [];
  }
}

/** True for what can be a model's name: it reaches the worker's command line, so it must not look like an option. */
export function isModel(text: string): boolean {
  return /^[^\s-]\S{0,199}$/.test(text);
}

/** `false` and `none` switch a key off. */
export function isOff(value: unknown): boolean {
  return value === false || value === "false" || value === "none";
}

function unquote(text: string): string {
  return /^(["']).*\1$/s.test(text) && text.length >= 2 ? text.slice(1, -1) : text;
}

/** The value as a message can show it. */
function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  return typeof value === "string" ? `"${value.slice(0, 60)}"` : String(value);
}
