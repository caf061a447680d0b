/** What a value has to be. */
export interface Kind<Value> {
  /** Completes "model: 3 …": `must be text`. */
  readonly rule: string;
  readonly remedy: string;
  /** Nothing for a wrong value; empty text for one that says nothing. */
  read(value: unknown): Value | undefined;
}

const entriesMax = 200;
const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };
const attemptMaxMs = 168 * 3_600_000;

export const text: Kind<string> = {
  rule: "must be text",
  remedy: "write one text, in quotes where it looks like something else",
  read: (value) => (isOff(value) ? "" : typeof value === "string" ? value.trim() : undefined),
};

/** `a, b`, `[a, b]` or a YAML list, each entry once; `false` and `none` are the empty list. */
export const list: Kind<readonly string[]> = {
  rule: `must be a list of at most ${entriesMax} names`,
  remedy: "write a, b",
  read(value) {
    if (isOff(value) || value === "none") return [];
    const entries = typeof value === "string" ? value.replace(/^\[(.*)\]$/s, "$1").split(",") : value;
    if (!Array.isArray(entries) || entries.length > entriesMax) return undefined;
    if (!entries.every((entry) => typeof entry === "string")) return undefined;
    const names = entries.map((entry) => entry.trim().replace(/^(["'])(.*)\1$/s, "$2"));
    return [...new Set(names.filter((name) => name !== ""))];
  },
};

const hostTools = ["read", "write", "edit", "bash", "grep", "find", "ls"];
/** The host's tools by their names in lower case, and by other tools' names for them. */
const toolNames: ReadonlyMap<string, string> = new Map([
  ...hostTools.map((tool) => [tool, tool] as const),
  ["multiedit", "edit"],
  ["glob", "find"],
]);

/** The host's names. A rule like `Bash(git:*)` is refused: without it the tool would do more, or less, than was meant. */
export const tools: Kind<readonly string[]> = {
  rule: "must be a list of plain tool names",
  remedy: "write read, grep; rules in parentheses cannot be kept by this version",
  read(value) {
    const names = list.read(value);
    if (names?.some((name) => name.includes("("))) return undefined;
    return names && [...new Set(names.map((name) => toolNames.get(name.toLowerCase()) ?? name))];
  },
};

/** `provider/id[:thinking]`; `false` and `inherit` name none. It reaches a command line: nothing like an option. */
export const model: Kind<string> = {
  rule: "is not a model",
  remedy: "write provider/id or provider/id:thinking",
  read(value) {
    const name = text.read(value);
    if (name === "inherit") return "";
    return name === "" || /^[^\s-]\S{0,199}$/.test(name ?? " ") ? name : undefined;
  },
};

export const flag: Kind<boolean> = {
  rule: "must be true or false",
  remedy: "write true or false",
  read: (value) => (value === true || value === "true" ? true : isOff(value) ? false : undefined),
};

/** US dollars. */
export const dollars: Kind<number> = {
  rule: "must be US dollars above zero",
  remedy: "write an amount like 0.50",
  read: (value) => (numberOf(value) > 0 ? numberOf(value) : undefined),
};

/** Milliseconds. */
export const duration: Kind<number> = {
  rule: "must be a time from 1s to 168h",
  remedy: "write a time like 90s, 10m or 2h",
  read(value) {
    const [, amount, unit = ""] = /^(\d+(?:\.\d+)?)([smh])$/.exec(scalar(value)) ?? [];
    const ms = Math.round(Number(amount) * (unitsMs[unit] ?? Number.NaN));
    return ms >= 1_000 && ms <= attemptMaxMs ? ms : undefined;
  },
};

/** Of the format, but not of this version: an error, because whoever wrote it relies on it. `false` says nothing. */
export const unsupported: Kind<""> = {
  rule: "is not supported by this version",
  remedy: "remove it, or run this with a version that honours it",
  read: (value) => (isOff(value) ? "" : undefined),
};

/** The one gate that this version honours; a command would be one that nobody runs. */
export const gate: Kind<"approval" | ""> = {
  rule: "is no gate that this version honours",
  remedy: "write approval, for a person's; let a step of its own run what is to be checked",
  read: (value) =>
    isOff(value) || scalar(value) === "none" ? "" : scalar(value) === "approval" ? "approval" : undefined,
};

/** Decoration of other tools. */
export const ignored: Kind<""> = { ...unsupported, read: () => "" };

/** A whole number within these bounds, both included. */
export function whole(min: number, max: number): Kind<number> {
  return {
    rule: `must be a whole number from ${min} to ${max}`,
    remedy: "correct it",
    read(value) {
      const number = numberOf(value);
      return Number.isInteger(number) && number >= min && number <= max ? number : undefined;
    },
  };
}

/** One of these words, or what a synonym stands for (empty: nothing). */
export function oneOf<const Word extends string>(
  words: readonly Word[],
  synonyms: Readonly<Record<string, Word | "">> = {},
): Kind<Word | ""> {
  const known = new Map<string, Word | "">([
    ...words.map((word) => [word, word] as const),
    ...Object.entries(synonyms),
  ]);
  return {
    rule: "is not known",
    remedy: `use one of: ${words.join(", ")}`,
    read: (value) => known.get(scalar(value)),
  };
}

/** Paths and globs that stay in the workspace on any platform. */
export const paths: Kind<readonly string[]> = {
  rule: "names a path outside the workspace, or is no list of paths",
  remedy: "write paths relative to the project, without ..",
  read: (value) => (list.read(value)?.some(isOutside) ? undefined : list.read(value)),
};

export const path: Kind<string> = {
  rule: "names a path outside the workspace, or is no text",
  remedy: "write a path relative to the project, without ..",
  read: (value) => (isOutside(text.read(value) ?? "") ? undefined : text.read(value)),
};

function isOff(value: unknown): boolean {
  return value === false || value === "false";
}

function numberOf(value: unknown): number {
  return /^\d+(\.\d+)?$/.test(scalar(value)) ? Number(value) : Number.NaN;
}

/** Never calls the value's own code: a mapping may hold a `toString`. */
function scalar(value: unknown): string {
  return typeof value === "object" ? "" : String(value).trim();
}

function isOutside(file: string): boolean {
  return /^([/\\~]|[A-Za-z]:)/.test(file) || file.split(/[/\\]/).includes("..");
}
