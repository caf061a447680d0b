import path from "node:path";
import type { Permission, Thinking } from "../core/plan.ts";
import type { AgentDefinition, Found, ResourceFile } from "./definition.ts";
import { describedAliases, describedKeys, readDescribed, readSkills } from "./described.ts";
import { readDocument } from "./document.ts";
import { Fields, type Vocabulary } from "./fields.ts";

const agentWords: Vocabulary = {
  thing: "agent",
  keys: [
    ...describedKeys,
    ...["model", "fallbackModels", "thinking", "tools", "excludeTools", "skills", "extensions"],
    ...["systemPromptMode", "maxTurns", "timeout", "budget", "permission"],
  ],
  aliases: {
    ...describedAliases,
    skill: "skills",
    allowedTools: "tools",
    "allowed-tools": "tools",
    disallowedTools: "excludeTools",
    disallowed_tools: "excludeTools",
    disableTools: "excludeTools",
    fallback_models: "fallbackModels",
    effort: "thinking",
    max_turns: "maxTurns",
    prompt_mode: "systemPromptMode",
    permissionMode: "permission",
  },
  // Read by other tools as a restriction: to pass over them would grant what their author took away.
  unsupported: ["disabled", "isolation", "hooks"],
  decoration: ["color"],
};

const permissionWords: Readonly<Record<string, Permission>> = {
  read: "read",
  write: "write",
  full: "full",
  plan: "read",
  acceptEdits: "write",
  bypassPermissions: "full",
};
const thinkingWords = ["off", "minimal", "low", "medium", "high", "xhigh"] as const;
/** Other tools' names for the host's tools. */
const toolWords: Readonly<Record<string, string>> = { multiedit: "edit", glob: "find" };
const hostTools = ["read", "write", "edit", "bash", "grep", "find", "ls"];
const writingTools = ["write", "edit"];

/** An agent's file as a definition; nothing when it has a fatal problem. Everything noticed goes to `found`. */
export function parseAgent(place: ResourceFile, text: string, found: Found[]): AgentDefinition | undefined {
  const before = found.length;
  const document = readDocument(place.file, text, found);
  if (!document) return undefined;
  const fields = new Fields(place.file, 1, document.fields, agentWords, found);
  const described = readDescribed(place, fields);
  const systemPrompt = document.body.join("\n").trim();
  if (systemPrompt === "") {
    const where = `${place.file}:${document.bodyLine}`;
    const remedy = "write its role, and what it is to deliver, after the front matter";
    found.push({ where, message: `agent "${described.name}" has no system prompt`, remedy, fatal: true });
  }
  const tools = readTools(fields);
  const permission = readPermission(fields, tools);
  const thinking = readThinking(fields);
  const turnsMax = fields.integer("maxTurns", 1, 10_000);
  const attemptMaxMs = fields.duration("timeout");
  const costMax = fields.dollars("budget");
  const definition: AgentDefinition = {
    ...described,
    systemPrompt,
    systemPromptMode: fields.oneOf("systemPromptMode", ["replace", "append"]) ?? "replace",
    models: readModels(fields),
    ...(thinking && { thinking }),
    ...(tools && { tools: permission === "read" ? withoutWriters(fields, tools) : tools }),
    excludeTools: (fields.list("excludeTools") ?? []).map((tool) => toolName(tool.replace(/\(.*\)$/s, ""))),
    ...readSkills(fields),
    extensions: readExtensions(place, fields),
    permission,
    ...(turnsMax && { turnsMax }),
    ...(attemptMaxMs && { attemptMaxMs }),
    ...(costMax && { costMax }),
  };
  return found.slice(before).some((problem) => problem.fatal) ? undefined : definition;
}

function readModels(fields: Fields): readonly string[] {
  const model = fields.model("model");
  return [...new Set([...(model ? [model] : []), ...(fields.list("fallbackModels") ?? [])])];
}

function readThinking(fields: Fields): Thinking | undefined {
  const value = fields.raw("thinking");
  if (value === false || value === "none") return "off";
  return value === "max" ? "xhigh" : fields.oneOf("thinking", thinkingWords);
}

/** The host's names. A rule like `Bash(git:*)` cannot be kept, so it grants nothing. */
function readTools(fields: Fields): readonly string[] | undefined {
  const names = fields.list("tools");
  if (names === undefined || names.some((name) => name === "*" || name === "all")) return undefined;
  const granted = names.filter((name) => {
    if (!name.includes("(")) return true;
    const message = `tool rule "${name}" cannot be kept by this version: the tool is not granted`;
    fields.report(
      "tools",
      message,
      `name the tool alone ("${name.replace(/\(.*/s, "")}") to grant all of it`,
      false,
    );
    return false;
  });
  return [...new Set(granted.map(toolName))];
}

function toolName(name: string): string {
  const lower = name.toLowerCase();
  return toolWords[lower] ?? (hostTools.includes(lower) ? lower : name);
}

/** What cannot be understood may only read. Without the key, tools that write ask for `write`. */
function readPermission(fields: Fields, tools: readonly string[] | undefined): Permission {
  const value = fields.raw("permission");
  if (value === undefined || value === "default") {
    if (tools) return tools.some((tool) => writingTools.includes(tool)) ? "write" : "read";
    const message = "the agent names neither permission nor tools: it may only read";
    fields.report("permission", message, "add permission: read, write or full", false);
    return "read";
  }
  const known =
    typeof value === "string" && Object.hasOwn(permissionWords, value.trim())
      ? permissionWords[value.trim()]
      : undefined;
  if (known) return known;
  const message = `permission ${JSON.stringify(value).slice(0, 60)} is not known: the agent may only read`;
  fields.report("permission", message, "use one of: read, write, full", false);
  return "read";
}

function withoutWriters(fields: Fields, tools: readonly string[]): readonly string[] {
  const writers = tools.filter((tool) => writingTools.includes(tool));
  if (writers.length > 0) {
    const message = `an agent that may only read gets no ${writers.join(" and no ")}`;
    fields.report("tools", message, "remove the tool, or say permission: write", false);
  }
  return tools.filter((tool) => !writingTools.includes(tool));
}

/** Absolute paths. A project's extensions are code that nobody has decided to trust: dropped, and told. */
function readExtensions(place: ResourceFile, fields: Fields): readonly string[] {
  const listed = fields.list("extensions") ?? [];
  if (listed.length === 0) return [];
  if (place.source === "project") {
    const message = `extensions of a project's agent are not loaded (${listed.join(", ").slice(0, 200)})`;
    fields.report(
      "extensions",
      message,
      "move the agent to your own agent directory if you trust them",
      false,
    );
    return [];
  }
  return listed.map((entry) => path.resolve(path.dirname(place.file), entry));
}
