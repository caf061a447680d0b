import type { Assignment } from "../../core/assignment.ts";
import { isRecord, membersOf } from "../../lib/json.ts";
import { refusedCommand } from "./commands.ts";
import { placeInWorkspace } from "./paths.ts";

/** Tools that the worker-side extension adds; an allow-list must name them too. */
export const ownTools: readonly string[] = ["submit_result", "ask", "send"];
/** What a `read` worker gets when its agent names no tools: the host's tools that cannot write. */
export const readTools: readonly string[] = ["read", "grep", "find", "ls"];
/** The host's tools that change files. */
const fileWriters: readonly string[] = ["edit", "write"];

/** The part of an assignment, or of an agent, that says what a worker may use. */
export type ToolRights = Pick<Assignment, "permission" | "tools" | "excludeTools">;
/** The same with the place in which it may write. */
export type Rights = ToolRights & Pick<Assignment, "workspace">;

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

/**
 * Why this call must not run, in words the model can act on, or undefined when it may. File tools are judged by the
 * real path they would write to, shell text by what it plainly says.
 */
export async function refusedCall(tool: string, input: unknown, rights: Rights): Promise<string | undefined> {
  const refusal = refusedTool(tool, rights);
  if (refusal !== undefined) return refusal;
  if (fileWriters.includes(tool)) {
    const path = field(input, "path") ?? field(input, "file_path");
    if (path === undefined) return `"${tool}" needs a path`;
    const placed = await placeInWorkspace(path, rights.workspace);
    return "problem" in placed ? `${path} ${placed.problem}; write inside the workspace` : undefined;
  }
  if (tool !== "bash") return undefined;
  const command = field(input, "command");
  return command === undefined ? '"bash" needs a command' : refusedCommand(command, rights.permission);
}

const toldMaxLength = 1_000;

/** What a call is about, for people: the shell text, the path, or the first text that it was given; cut. */
export function toldOf(input: unknown): string {
  const named = ["command", "path", "file_path"].map((name) => field(input, name));
  const texts = [...named, ...Object.values(membersOf(input))].filter((value) => typeof value === "string");
  return texts[0]?.slice(0, toldMaxLength) ?? "";
}

function field(input: unknown, name: string): string | undefined {
  const value = isRecord(input) ? input[name] : undefined;
  return typeof value === "string" ? value : undefined;
}
