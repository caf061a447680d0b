import type { DefinitionRow, Listed, SettingRow } from "../../core/catalogue.ts";
import type { PlanProblem } from "../../core/plan.ts";
import { words } from "../strings.ts";

/** A setting or a definition, as a row and as what is to be known about it. */
export interface Entry {
  readonly id: string;
  readonly name: string;
  readonly value: string;
  readonly source: string;
  readonly note: string;
  /** Nobody has said anything but what is built in. */
  readonly isBuiltin: boolean;
  readonly facts: readonly string[];
  readonly problems: readonly string[];
  /** What asks for the whole of it. */
  readonly get?: Readonly<Record<string, string>>;
  readonly edit?: { readonly text: string; readonly choices: readonly string[]; readonly isSwitch: boolean };
}

const shown = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value)) ?? "";

/** Every setting; what is wrong with one stands there, too. */
export function settingEntries({ rows, problems }: Listed<SettingRow>): readonly Entry[] {
  return rows.map(({ key, value, source, default: usual, type, choices, description }) => ({
    ...{ id: key, name: key, value: shown(value), source, note: description },
    isBuiltin: source === "default",
    facts: [
      `${key} = ${JSON.stringify(value)} (${source}) · ${words.browser.usually(JSON.stringify(usual))}`,
      `${description} ${words.browser.accepts(type)}`,
    ],
    problems: problems.filter(({ message }) => message.includes(`"${key}"`)).map(problemText),
    edit: { text: shown(value), choices, isSwitch: typeof value === "boolean" },
  }));
}

/** Every agent, team and workflow; what is wrong with its file stands there, too. */
export function definitionEntries({ rows, problems }: Listed<DefinitionRow>): readonly Entry[] {
  return rows.map(({ kind, name, source, isBroken, description, file, shadows }) => ({
    ...{ id: `${kind} ${name}`, name, value: kind, source, note: description },
    isBuiltin: source === "builtin",
    facts: [
      `${kind} ${name} (${source}) ${file}`,
      ...(isBroken ? [words.browser.broken] : []),
      ...shadows.map(words.browser.shadows),
      ...(description === "" ? [] : [description]),
    ],
    problems: problems.filter(({ where }) => where.startsWith(`${file}:`)).map(problemText),
    get: { resource: kind, name },
  }));
}

/** Where, what, and what to do about it. */
export function problemText({ where, message, remedy }: PlanProblem): string {
  return `${where}: ${message}. ${remedy}.`;
}
