import type { Found, ResourceFile, RoleDefinition, TeamDefinition } from "./definition.ts";
import { describedAliases, describedKeys, readDescribed, readSkills } from "./described.ts";
import { type Field, readDocument } from "./document.ts";
import { Fields, type Vocabulary } from "./fields.ts";

const teamWords: Vocabulary = {
  thing: "team",
  keys: [...describedKeys, "defaultWorkflow", "maxConcurrency"],
  aliases: { ...describedAliases, workflow: "defaultWorkflow", max_concurrency: "maxConcurrency" },
  unsupported: ["isolation", "workspaceMode"],
};
const roleWords: Vocabulary = { thing: "role", keys: ["agent", "model", "skills", "maxConcurrency"] };

/** Most roles of one team. */
const rolesMax = 100;
const roleLine = /^[-*]\s+([A-Za-z0-9][A-Za-z0-9._-]{0,63}):(?:\s+(.*))?$/;

/** A team's file as a definition; nothing when it has a fatal problem. Everything noticed goes to `found`. */
export function parseTeam(place: ResourceFile, text: string, found: Found[]): TeamDefinition | undefined {
  const before = found.length;
  const document = readDocument(place.file, text, found);
  if (!document) return undefined;
  const fields = new Fields(place.file, 1, document.fields, teamWords, found);
  const described = readDescribed(place, fields);
  const defaultWorkflow = fields.textOrOff("defaultWorkflow");
  const concurrencyMax = fields.integer("maxConcurrency", 1, 1_000);
  const roles = new Map<string, RoleDefinition>();
  for (const [index, line] of document.body.entries()) {
    const role = readRole(place.file, line, document.bodyLine + index, found);
    const other = role && roles.get(role.name);
    if (other) {
      const message = `role "${role.name}" is already defined on line ${other.line}`;
      found.push({
        where: `${place.file}:${role.line}`,
        message,
        remedy: "give each role a name of its own",
        fatal: true,
      });
    } else if (role) roles.set(role.name, role);
  }
  if (roles.size === 0 || roles.size > rolesMax) {
    const message = `team "${described.name}" has ${roles.size} roles`;
    const remedy = `write 1 to ${rolesMax} lines like: - explorer: agent=explorer finds what matters`;
    found.push({ where: `${place.file}:${document.bodyLine}`, message, remedy, fatal: true });
  }
  if (found.slice(before).some((problem) => problem.fatal)) return undefined;
  return {
    ...described,
    ...(defaultWorkflow && { defaultWorkflow }),
    defaultWorkflowLine: fields.line("defaultWorkflow"),
    ...(concurrencyMax && { concurrencyMax }),
    roles: [...roles.values()],
  };
}

/**
 * `- <role>: agent=<agent> [model=…] [skills=a,b|false] [maxConcurrency=n] description`. A line that begins with the
 * word `role` itself (`- role: writer agent=writer`) names the role next, or after its agent. Other lines are prose.
 */
function readRole(file: string, text: string, line: number, found: Found[]): RoleDefinition | undefined {
  const match = roleLine.exec(text.trimEnd());
  if (!match) {
    if (!/^\s*[-*]\s.*\bagent=/.test(text)) return undefined;
    const message = `"${text.trim().slice(0, 80)}" looks like a role, but cannot be read as one`;
    const remedy = "write: - <role>: agent=<agent> description (not indented)";
    found.push({ where: `${file}:${line}`, message, remedy, fatal: true });
    return undefined;
  }
  let name = match[1] ?? "";
  const words = (match[2] ?? "").split(/\s+/).filter((word) => word !== "");
  const named =
    name === "role" && words[0] !== undefined && !words[0].includes("=") && words[1]?.includes("=");
  if (named) name = words.shift() ?? name;
  const settings: Field[] = [];
  while (words[0] !== undefined && /^[A-Za-z_]+=/.test(words[0])) {
    const [key = "", ...value] = words[0].split("=");
    settings.push({ key, value: value.join("="), line });
    words.shift();
  }
  const fields = new Fields(file, line, settings, roleWords, found);
  const agent = fields.text("agent") ?? name;
  const model = fields.model("model");
  const roleMax = fields.integer("maxConcurrency", 1, 1_000);
  return {
    name: name === "role" ? agent : name,
    agent,
    ...(model && { model }),
    ...readSkills(fields),
    ...(roleMax && { roleMax }),
    description: words.join(" "),
    line,
  };
}
