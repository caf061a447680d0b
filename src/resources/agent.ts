import path from "node:path";
import type { AgentDefinition, ResourceFile } from "./definition.ts";
import { readDocument } from "./document.ts";
import type { Findings } from "./findings.ts";
import { describe, describedKeys, key, readKeys } from "./keys.ts";
import * as kind from "./kinds.ts";

const agentKeys = {
  ...describedKeys,
  model: key(kind.model, "model"),
  fallbackModels: key(kind.list, "fallbackModels"),
  thinking: key(
    kind.oneOf(["off", "minimal", "low", "medium", "high", "xhigh"], {
      max: "xhigh",
      none: "off",
      false: "off",
    }),
    "thinking",
    "effort",
  ),
  tools: key(kind.tools, "tools", "allowedTools"),
  excludeTools: key(kind.tools, "excludeTools", "disallowedTools", "disableTools"),
  skills: key(kind.list, "skills", "skill"),
  extensions: key(kind.list, "extensions"),
  systemPromptMode: key(kind.oneOf(["replace", "append"]), "systemPromptMode", "promptMode"),
  turnsMax: key(kind.whole(1, 10_000), "maxTurns"),
  attemptMaxMs: key(kind.duration, "timeout"),
  costMax: key(kind.dollars, "budget"),
  permission: key(
    kind.oneOf(["read", "write", "full"], {
      default: "",
      plan: "read",
      acceptEdits: "write",
      bypassPermissions: "full",
    }),
    "permission",
    "permissionMode",
  ),
  // Read by other tools as a restriction: to pass over them would grant what their author took away.
  disabled: key(kind.unsupported, "disabled"),
  isolation: key(kind.unsupported, "isolation"),
  hooks: key(kind.unsupported, "hooks"),
  color: key(kind.ignored, "color"),
};

/** An agent's file as a definition; nothing, with the reasons in `found`, when it cannot be used. */
export function parseAgent(place: ResourceFile, text: string, found: Findings): AgentDefinition | undefined {
  const document = readDocument(place.file, text, found);
  if (!document) return undefined;
  const { values, at } = readKeys(agentKeys, `${place.file}:1`, document.fields, found);
  const { model, fallbackModels = [], thinking, turnsMax, attemptMaxMs, costMax } = values;
  const described = describe(place, values, at("name"), found);
  const systemPrompt = document.body
    .map((line) => line.text)
    .join("\n")
    .trim();
  if (systemPrompt === "") {
    const remedy = "write its role, and what it is to deliver, after the front matter";
    found.error(`${place.file}:1`, `agent "${described.name}" has no system prompt`, remedy);
  }
  const tools = values.tools?.some((tool) => tool === "*" || tool === "all") ? undefined : values.tools;
  const writes = tools?.some((tool) => tool === "edit" || tool === "write");
  if (!values.permission && !tools) {
    const message = "the agent names neither permission nor tools: it may only read";
    found.warn(at("permission"), message, "add permission: read, write or full");
  }
  if (found.errors.length > 0) return undefined;
  return {
    ...described,
    systemPrompt,
    systemPromptMode: values.systemPromptMode ?? "replace",
    models: [...new Set(model ? [model, ...fallbackModels] : fallbackModels)],
    ...(tools && { tools }),
    excludeTools: values.excludeTools ?? [],
    ...(values.skills && { skills: { names: values.skills, where: at("skills") } }),
    extensions: trustedExtensions(place, values.extensions ?? [], at("extensions"), found),
    permission: values.permission ?? (writes ? "write" : "read"),
    ...(thinking && { thinking }),
    ...(turnsMax && { turnsMax }),
    ...(attemptMaxMs && { attemptMaxMs }),
    ...(costMax && { costMax }),
  };
}

/** Absolute paths. A project's extensions are code that nobody has decided to trust: dropped, and told. */
function trustedExtensions(
  place: ResourceFile,
  extensions: readonly string[],
  where: string,
  found: Findings,
): readonly string[] {
  if (place.source !== "project" || extensions.length === 0) {
    return extensions.map((entry) => path.resolve(path.dirname(place.file), entry));
  }
  const message = `extensions of a project's agent are not loaded (${extensions.join(", ").slice(0, 200)})`;
  found.warn(where, message, "move the agent to your own agent directory if you trust them");
  return [];
}
