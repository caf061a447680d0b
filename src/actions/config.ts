import type { Listed, SettingRow } from "../core/catalogue.ts";
import { changeSetting, loadSettings, settingKeys } from "../resources/settings.ts";
import { chooseFrom } from "../resources/suggest.ts";
import type { ActionContext, Perform, Performed } from "./context.ts";
import { answer, refusal } from "./result.ts";
import { problemsText } from "./text.ts";

/** Effective settings with their source, or a change of one of them. */
export const config: Perform = async (parameters, context) => {
  const { scope = "project", key: given = "" } = parameters;
  // As a command's bare words, key and value arrive together: "limits.runMaxMs 60000", "team=review".
  const [, key = given, together] = /^([^\s=]+)\s*[\s=]\s*(.+)$/s.exec(given) ?? [];
  const value = parameters.value ?? together;
  const keys = settingKeys().map((setting) => setting.key);
  if (key === "" ? value !== undefined : !keys.includes(key)) {
    const problem = { where: "key", message: `there is no setting "${key}"`, remedy: chooseFrom(key, keys) };
    return refusal([problem]);
  }
  if (value === undefined) return shown(key, "", context);
  const file = context.settingsFiles[scope];
  if (file === undefined) {
    const remedy = "send scope=user, or trust the project first";
    return refusal([{ where: "scope", message: "no project's settings may be used here", remedy }]);
  }
  const changed = await changeSetting(file, key, value.trim() === "unset" ? undefined : value);
  if (!changed.ok) return refusal(changed.problems);
  return shown(key, `\nWritten to ${file}; runs that are under way keep theirs.`, context);
};

/** `limits.runMaxMs = 10800000 (default)` and what it means, or such a line for every setting. */
async function shown(wanted: string, note: string, context: ActionContext): Promise<Performed> {
  const { rows, problems } = await listSettings(context.settingsFiles);
  const lines = rows
    .filter(({ key }) => wanted === "" || key === wanted)
    .map(({ key, value, source, type, description }) => {
      const line = `${key} = ${JSON.stringify(value)} (${source})`;
      return wanted === "" ? line : `${line}\n${description} Accepts ${type}.`;
    });
  const wrong = problems.length === 0 ? "" : `\nProblems:\n${problemsText(problems)}`;
  return answer(lines.join("\n") + note + wrong, { ...(problems.length > 0 && { problems }) });
}

/** Every setting in the schema's order, as these files have it. */
export async function listSettings(files: ActionContext["settingsFiles"]): Promise<Listed<SettingRow>> {
  const { settings, sources, problems } = await loadSettings(files);
  const rows = settingKeys().map(({ schema: _, ...setting }) => ({
    ...setting,
    value: settingAt(settings, setting.key),
    source: sources[setting.key] ?? "default",
  }));
  return { rows, problems };
}

function settingAt(settings: object, key: string): unknown {
  return key
    .split(".")
    .reduce<unknown>((at, name) => new Map(Object.entries(Object(at))).get(name), settings);
}
