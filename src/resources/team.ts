import type { ResourceFile, RoleDefinition, TeamDefinition } from "./definition.ts";
import { type Line, readDocument } from "./document.ts";
import type { Findings } from "./findings.ts";
import { describe, describedKeys, key, readKeys } from "./keys.ts";
import * as kind from "./kinds.ts";

const teamKeys = {
  ...describedKeys,
  defaultWorkflow: key(kind.text, "defaultWorkflow", "workflow"),
  concurrencyMax: key(kind.whole(1, 1_000), "maxConcurrency"),
  requireApproval: key(kind.flag, "requireApproval"),
  isolation: key(kind.unsupported, "isolation"),
  workspaceMode: key(kind.unsupported, "workspaceMode"),
};
const roleKeys = {
  agent: key(kind.text, "agent"),
  model: key(kind.model, "model"),
  skills: key(kind.list, "skills"),
  roleMax: key(kind.whole(1, 1_000), "maxConcurrency"),
};

/** Most roles of one team. */
const rolesMax = 100;
const roleLine = /^[-*]\s+([A-Za-z0-9][A-Za-z0-9._-]{0,63}):((?:\s+[A-Za-z_]+=\S*)*)(?:\s+(.*))?$/;

/** A team's file as a definition; nothing, with the reasons in `found`, when it cannot be used. */
export function parseTeam(place: ResourceFile, text: string, found: Findings): TeamDefinition | undefined {
  const document = readDocument(place.file, text, found);
  if (!document) return undefined;
  const { values, at } = readKeys(teamKeys, `${place.file}:1`, document.fields, found);
  const { defaultWorkflow, concurrencyMax, requireApproval } = values;
  const described = describe(place, values, at("name"), found);
  const roles = new Map<string, RoleDefinition>();
  for (const line of document.body) {
    const role = readRole(line, found);
    const other = role && roles.get(role.name);
    if (other) {
      const message = `role "${role.name}" is already defined at ${other.where}`;
      found.error(role.where, message, "give each role a name of its own");
    } else if (role) roles.set(role.name, role);
  }
  if (roles.size === 0 || roles.size > rolesMax) {
    const remedy = `write 1 to ${rolesMax} lines like: - explorer: agent=explorer finds what matters`;
    const message = `team "${described.name}" has ${roles.size} roles`;
    found.error(`${place.file}:1`, message, remedy);
  }
  if (found.errors.length > 0) return undefined;
  return {
    ...described,
    ...(defaultWorkflow && { defaultWorkflow }),
    workflowWhere: at("defaultWorkflow"),
    ...(concurrencyMax && { concurrencyMax }),
    ...(requireApproval && { requireApproval }),
    roles: [...roles.values()],
  };
}

/**
 * `- <role>: agent=<agent> [model=…] [skills=a,b|false] [maxConcurrency=n] description`. A line that says `role` itself
 * names the role after its agent. Other lines are prose.
 */
function readRole({ text, where }: Line, found: Findings): RoleDefinition | undefined {
  const [, word, settings = "", description = ""] = roleLine.exec(text.trimEnd()) ?? [];
  if (word === undefined || /\bagent=/.test(description)) {
    if (!/^\s*[-*]\s.*\bagent=/.test(text)) return undefined;
    const message = `"${text.trim().slice(0, 80)}" looks like a role, but cannot be read as one`;
    return found.error(where, message, "write: - <role>: agent=<agent> description (not indented)");
  }
  const fields = [...settings.matchAll(/(\w+)=(\S*)/g)].map(([, name = "", value]) => ({
    key: name,
    value,
    where,
  }));
  const { agent = word, model, skills, roleMax } = readKeys(roleKeys, where, fields, found).values;
  return {
    name: word === "role" ? agent : word,
    agent,
    ...(model && { model }),
    ...(skills && { skills: { names: skills, where } }),
    ...(roleMax && { roleMax }),
    description,
    where,
  };
}
