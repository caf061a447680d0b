import type { Settings } from "../core/settings.ts";
import { changeSetting, type LoadedSettings, loadSettings, settingKeys } from "../resources/settings.ts";
import { chooseFrom } from "../resources/suggest.ts";
import type { Scope } from "./action.ts";
import type { ActionContext, Perform, Performed } from "./context.ts";
import { answer, refusal } from "./result.ts";
import { problemsText } from "./text.ts";

/** Effective settings with their source, or a change of one of them. */
export const config: Perform = async (parameters, context) => {
  // As a command's bare words, key and value arrive together: "limits.runMaxMs 60000", "team=review".
  const [, key, together] = /^([^\s=]+)\s*[\s=]\s*(.+)$/s.exec(parameters.key ?? "") ?? [
    undefined,
    parameters.key,
  ];
  const value = parameters.value ?? together;
  if (key !== undefined && value !== undefined)
    return set(key, value, parameters.scope ?? "project", context);
  if (value !== undefined) {
    const problem = {
      where: "key",
      message: "a value is given, but no key",
      remedy: "name the setting too",
    };
    return refusal([problem], "nothing was changed");
  }
  const loaded = await loadSettings(context.settingsFiles);
  const known = settingKeys();
  const shown = key === undefined ? known : known.filter((setting) => setting.key === key);
  if (key !== undefined && shown.length === 0) {
    const remedy = chooseFrom(
      key,
      known.map((setting) => setting.key),
    );
    const problem = { where: "key", message: `there is no setting "${key.slice(0, 60)}"`, remedy };
    return refusal([problem], "nothing is shown");
  }
  const detail =
    shown.length === 1 ? shown.map(({ type, description }) => `\n${description} Accepts ${type}.`) : [];
  const lines = shown.map((setting) => settingLine(setting.key, loaded));
  const wrong = loaded.problems.length === 0 ? "" : `\nProblems:\n${problemsText(loaded.problems)}`;
  return answer(lines.join("\n") + detail.join("") + wrong, {
    ...(loaded.problems.length > 0 && { problems: loaded.problems }),
  });
};

async function set(key: string, value: string, scope: Scope, context: ActionContext): Promise<Performed> {
  const file = context.settingsFiles[scope];
  if (file === undefined) {
    const message = "there is no project here whose settings may be used";
    const remedy = "send scope=user, or trust the project first";
    return refusal([{ where: "scope", message, remedy }], "nothing was changed");
  }
  const changed = await changeSetting(file, key, value.trim() === "unset" ? undefined : value);
  if (!changed.ok) return refusal(changed.problems, "nothing was changed");
  const loaded = await loadSettings(context.settingsFiles);
  const wrong = loaded.problems.length === 0 ? "" : `\nProblems:\n${problemsText(loaded.problems)}`;
  return answer(
    `${settingLine(key, loaded)}\nWritten to ${file}; runs that are under way keep theirs.${wrong}`,
    {
      paths: [file],
      ...(loaded.problems.length > 0 && { problems: loaded.problems }),
    },
  );
}

/** `limits.runMaxMs = 10800000 (default)`. */
function settingLine(key: string, { settings, sources }: LoadedSettings): string {
  return `${key} = ${JSON.stringify(settingAt(settings, key))} (${sources[key] ?? "default"})`;
}

function settingAt(settings: Settings, key: string): unknown {
  return key
    .split(".")
    .reduce<unknown>((at, name) => new Map(Object.entries(Object(at))).get(name), settings);
}
