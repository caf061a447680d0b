import type { Assignment } from "../../core/assignment.ts";
import type { ToolRules } from "../../core/settings.ts";
import { isRecord, membersOf } from "../../lib/json.ts";
import { plainCommands, refusedChange, refusedDelivery } from "./commands.ts";
import { refusedReach } from "./outside.ts";
import { placeInWorkspace } from "./paths.ts";
import { rulingOn } from "./rules.ts";

/** Tools that the worker-side extension adds; an allow-list must name them too. */
export const ownTools: readonly string[] = ["submit_result", "ask", "send"];
/** What a `read` worker gets when its agent names no tools: the host's tools that cannot write. */
export const readTools: readonly string[] = ["read", "grep", "find", "ls"];
/** The host's tools that change files. */
const fileWriters: readonly string[] = ["edit", "write"];

/** The part of an assignment, or of an agent, that says what a worker may use. */
export type ToolRights = Pick<Assignment, "permission" | "tools" | "excludeTools">;
/** The same with the place in which it may write, its rules, and whose it is. */
export type Rights = ToolRights & Pick<Assignment, "workspace" | "rules" | "expectedParentPid">;

/** Why the worker may not use this tool at all, in words its model can act on; undefined when it may. */
export function refusedTool(tool: string, rights: ToolRights): string | undefined {
  if (ownTools.includes(tool)) return undefined;
  if (tool === "team")
    return "workers do not start runs of their own; do the task yourself and submit its result";
  if (rights.excludeTools.includes(tool)) return `this agent's definition excludes the tool "${tool}"`;
  if (rights.permission === "read" && fileWriters.includes(tool))
    return "this worker is read-only; report what should change instead";
  const listed = rights.tools ?? (rights.permission === "read" ? readTools : undefined);
  if (listed === undefined || listed.includes(tool)) return undefined;
  return `this agent may use only ${[...listed, ...ownTools].join(", ")}`;
}

/**
 * Names of the tools to activate. `available` are all the host knows, `active` the ones it would use by itself; an
 * agent's list, or a `read` worker's default, activates what the host has of it.
 */
export function toolsFor(
  rights: ToolRights,
  available: readonly string[],
  active: readonly string[],
): readonly string[] {
  const wanted = rights.tools ?? (rights.permission === "read" ? readTools : active);
  return available.filter(
    (tool) => ownTools.includes(tool) || (wanted.includes(tool) && refusedTool(tool, rights) === undefined),
  );
}

/** What is to become of a tool call: kept back, or left to people by these rules, each for itself. */
export type Verdict = { readonly reason: string; readonly by: string } | { readonly asks: readonly string[] };

/**
 * What speaks against this call; undefined when nothing does. Bounds come first (the agent's own, its workspace, what is
 * ours), then the rules, then that workers deliver nothing. File tools are judged by the real path, shell text by each
 * command that it plainly says: the strictest ruling counts.
 */
export async function judgeCall(tool: string, input: unknown, rights: Rights): Promise<Verdict | undefined> {
  if (ownTools.includes(tool)) return undefined;
  const bound = (reason: string): Verdict => ({ reason, by: "muster" });
  const refusal = refusedTool(tool, rights);
  if (refusal !== undefined) return bound(refusal);
  if (tool !== "bash") {
    const forms = await formsOf(tool, input, rights);
    return "problem" in forms
      ? bound(forms.problem)
      : ruled(tool, [{ forms: forms.forms, refusal: undefined }], rights.rules);
  }
  const text = field(input, "command");
  if (text === undefined) return bound('"bash" needs a command');
  const commands = plainCommands(text);
  if (commands === undefined)
    return bound("it nests shells too deeply to be judged; write it as a plain command");
  const changes = rights.permission === "read" ? commands.map(refusedChange) : [];
  const reason = changes.find((change) => change !== undefined) ?? (await refusedReach(commands, rights));
  if (reason !== undefined) return bound(reason);
  const doings = commands.map((command) => ({
    forms: [command.line, command.whole],
    refusal: refusedDelivery(command),
  }));
  return ruled(tool, [{ forms: [text.trim()], refusal: undefined }, ...doings], rights.rules);
}

/** One thing that a call does, in the forms that rules see, and why it is refused where no rule says otherwise. */
interface Doing {
  readonly forms: readonly string[];
  readonly refusal: string | undefined;
}

function ruled(tool: string, doings: readonly Doing[], rules: ToolRules): Verdict | undefined {
  const rulings = doings.map(({ forms, refusal }) => ({ refusal, ...rulingOn(rules, tool, forms) }));
  const denied = rulings.find(({ verdict }) => verdict === "deny");
  if (denied?.rule !== undefined) {
    const reason = `the rule ${denied.rule} forbids it; leave it, and say in your result what it would have done`;
    return { reason, by: `rule ${denied.rule}` };
  }
  const delivery = rulings.find(({ refusal, verdict }) => refusal !== undefined && verdict === undefined);
  if (delivery?.refusal !== undefined) return { reason: delivery.refusal, by: "muster" };
  const asks = rulings.flatMap(({ verdict, rule }) =>
    verdict === "ask" && rule !== undefined ? [rule] : [],
  );
  return asks.length > 0 ? { asks: [...new Set(asks)] } : undefined;
}

/** How rules see what a tool is used on: a path as it really lies, seen from the workspace and whole; else its first text. */
async function formsOf(
  tool: string,
  input: unknown,
  { workspace }: Rights,
): Promise<{ readonly forms: readonly string[] } | { readonly problem: string }> {
  const isWriter = fileWriters.includes(tool);
  const path = field(input, "path") ?? field(input, "file_path");
  if (path === undefined && isWriter) return { problem: `"${tool}" needs a path` };
  if (!isWriter && !readTools.includes(tool)) return { forms: [toldOf(input)] };
  const placed = await placeInWorkspace(path ?? ".", workspace);
  if ("problem" in placed)
    return isWriter
      ? { problem: `${path} ${placed.problem}; write inside the workspace` }
      : { forms: [placed.path] };
  return { forms: [placed.inside, placed.path] };
}

/** What a call is about, for people: the shell text, the path, or the first text that it was given. */
export function toldOf(input: unknown): string {
  const named = ["command", "path", "file_path"].map((name) => field(input, name));
  const texts = [...named, ...Object.values(membersOf(input))].filter((value) => typeof value === "string");
  return texts[0] ?? "";
}

function field(input: unknown, name: string): string | undefined {
  const value = isRecord(input) ? input[name] : undefined;
  return typeof value === "string" ? value : undefined;
}
