import type { ToolRules } from "../../core/settings.ts";
import { matchesGlob } from "../../lib/glob.ts";

/** What the rules say of one thing that a call does: the first rule of the strictest list that matches. */
export interface Ruling {
  readonly verdict: "deny" | "ask" | "allow";
  readonly rule: string;
}

/**
 * The ruling on a tool used in any of these forms: deny before ask before allow; undefined when no rule matches. A rule
 * is `tool` or `tool(glob)`; both match without regard to the tool's case, and ` *` at the end of a glob also matches
 * nothing at all.
 */
export function rulingOn(rules: ToolRules, tool: string, forms: readonly string[]): Ruling | undefined {
  const lists = { deny: rules.deny, ask: rules.ask, allow: rules.allow };
  for (const verdict of ["deny", "ask", "allow"] as const) {
    const rule = lists[verdict].find((one) => matches(one, tool, forms));
    if (rule !== undefined) return { verdict, rule };
  }
  return undefined;
}

function matches(rule: string, tool: string, forms: readonly string[]): boolean {
  const [, name = "", glob] = /^([^(]*)(?:\((.*)\))?$/s.exec(rule) ?? [];
  if (!matchesGlob(name.toLowerCase(), tool.toLowerCase())) return false;
  if (glob === undefined) return true;
  const globs = [glob, ...(glob.endsWith(" *") ? [glob.slice(0, -2)] : [])];
  return forms.some((form) => globs.some((one) => matchesGlob(one, form)));
}
