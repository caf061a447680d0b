import { join } from "node:path";
import { countOf } from "../lib/wording.ts";
import type { Perform } from "./context.ts";
import { onRun } from "./observe.ts";
import { aboutRun } from "./result.ts";

const pathsMax = 100;

/** The files that a run's tasks left behind, or one task's. */
export const artifacts: Perform = (parameters, context) =>
  onRun(parameters, context, ({ view, task }) => {
    const directory = join(context.engine.directory(view.runId), "artifacts");
    const found = (task === undefined ? view.tasks : [task]).flatMap(({ id, result }) =>
      (result?.artifacts ?? []).map(({ name, bytes, sha256, path }) => {
        const file = join(directory, path);
        return { file, line: `- ${id}: ${name}, ${bytes} bytes, sha256 ${sha256.slice(0, 12)}, ${file}` };
      }),
    );
    const text = [
      `${countOf(found.length, "artifact")} of run ${view.runId} (${view.status})`,
      ...found.map(({ line }) => line),
    ];
    const paths = found.slice(0, pathsMax).map(({ file }) => file);
    return aboutRun(true, view, text.join("\n"), context, paths);
  });
