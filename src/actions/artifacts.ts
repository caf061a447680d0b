import { join } from "node:path";
import type { Action } from "./action.ts";
import { observe } from "./observe.ts";
import { aboutRun, refusal } from "./result.ts";
import { unknownTask } from "./unknown-task.ts";

const pathsMax = 100;

export const artifacts: Action = {
  name: "artifacts",
  group: "watch",
  summary: "files that a run's tasks left behind",
  parameters: ["run", "task"],
  rest: "run",
  async run(parameters, context) {
    const observation = await observe(parameters.run ?? "last", context);
    if (!observation.ok) return refusal("artifacts", observation.problems, "nothing is shown");
    const { view } = observation.run;
    const { task: wanted } = parameters;
    if (wanted !== undefined && !view.tasks.some(({ id }) => id === wanted)) {
      return refusal("artifacts", [unknownTask(wanted, view)], "nothing is shown");
    }
    const directory = join(context.engine.directory(view.runId), "artifacts");
    const found = view.tasks
      .filter(({ id }) => wanted === undefined || id === wanted)
      .flatMap(({ id, result }) =>
        (result?.artifacts ?? []).map((artifact) => ({
          ...artifact,
          task: id,
          file: join(directory, artifact.path),
        })),
      );
    const lines = found.map(
      ({ task, name, bytes, sha256, file }) =>
        `- ${task}: ${name}, ${bytes} bytes, sha256 ${sha256.slice(0, 12)}, ${file}`,
    );
    const text =
      found.length === 0
        ? `No finished task of run ${view.runId} (${view.status}) left a file behind.`
        : `${found.length} artifacts of run ${view.runId}:\n${lines.join("\n")}`;
    return aboutRun("artifacts", true, view, text, context, {
      paths: found.slice(0, pathsMax).map(({ file }) => file),
    });
  },
};
