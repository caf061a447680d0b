import { words } from "../strings.ts";
import { chosenRun } from "./runs.ts";
import type { Box, Intent, Moment, Step } from "./scene.ts";

/** Typed commands that take something away, and what would happen without a question. */
const destructive = /^(cancel\b|(forget|prune|cleanup|import|doctor)\b.*--confirm)/;

/** What becomes of a text that was typed. */
export function submitted({ state, scene }: Moment, { kind, text, about }: Box): Step {
  const { box: _, ...rest } = state;
  const run = scene.run?.view.runId ?? chosenRun(state, scene)?.runId ?? "last";
  const perform = (action: string, parameters: object): Step => ({
    state: rest,
    intent: { kind: "perform", action, parameters: { run, ...about, ...parameters } },
  });
  if (kind === "filter") return { state: rest };
  if (kind === "search") return { state: { ...rest, search: text.trim(), focus: "pane" } };
  if (text.trim() === "") return { state: rest };
  if (kind === "reject") return perform("respond", { message: `reject: ${text.trim()}` });
  switch (kind) {
    case "steer":
    case "respond":
      return perform(kind, { message: text });
    case "send": {
      const [, to = "all", message = text] = /^\s*((?:role:)?[^\s:]+):\s(.*)$/s.exec(text) ?? [];
      return message.trim() === "" ? { state: rest } : perform("send", { task: to, message });
    }
    case "command": {
      const [, name = "", given = ""] = /^\s*(?:\/?team-)?(\S+)\s*(.*)$/s.exec(text) ?? [];
      const line = scene.aimed?.(name, given, run) ?? given;
      const intent: Intent = { kind: "command", name, line };
      const typed = `${name} ${line}`.trim();
      if (!destructive.test(typed)) return { state: rest, intent };
      return { state: { ...rest, confirm: { question: words.confirm.command(typed), intent } } };
    }
  }
}
