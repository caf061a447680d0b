import { join } from "node:path";
import type { Perform } from "./context.ts";
import { onRun } from "./observe.ts";
import { aboutRun } from "./result.ts";

const pathsMax = 100;

/** The files that a run's tasks left behind, or one task's. */
export const artifacts: Perform = (parameters, context) =>
  onRun(parameters, context, ({ view, task }) => {
    const directory = join(context.engine.directory(view.runId), "artifacts");
    const found = (task === undefined ? view.tasks : [task]).flatMap(({ id, result }) =>
      (result?.artifacts ?? []).map((left) => ({ ...left, task: id, file: join(directory, left.path) })),
    );
    const lines = found.map(
      (left) =>
        `- ${left.task}: ${left.name}, ${left.bytes} bytes, sha256 ${left.sha256.slice(0, 12)}, ${left.file}`,
    );
    const text =
      found.length === 0
        ? `No finished task of run ${view.runId} (${view.status}) left a file behind.`
        : `${found.length} artifacts of run ${view.runId}:\n${lines.join("\n")}`;
    return aboutRun(true, view, text, context, { paths: found.slice(0, pathsMax).map(({ file }) => file) });
  });
