import type { FileProblem } from "./ports.ts";
import type { Liveness } from "./process.ts";
import { isFinalRun } from "./status.ts";
import type { RunView, TaskView } from "./view.ts";

/** True for a run that is to go on and has nobody who drives it: its driver is gone, or none ever came. */
export function isAbandoned(status: string, driver: Liveness | "none"): boolean {
  if (status === "running") return driver === "gone";
  return status === "queued" && (driver === "gone" || driver === "none");
}

/** A live run whose disk refuses works on, but nothing of it can be recorded: that is to be seen. */
export function withRefusal(view: RunView, problems: readonly FileProblem[]): RunView {
  const refusal = problems.find(({ cause }) => cause !== undefined);
  if (refusal?.cause === undefined || isFinalRun(view.status)) return view;
  const { cause, message, remedy } = refusal;
  return {
    ...view,
    cause,
    reason: `${message}; the run waits until its disk takes what is to be recorded: ${remedy}`,
  };
}

/** A run whose driver is gone does not run, whatever its journal says last: nobody drives it, or not yet another one. */
export function withoutDriver(view: RunView, isComing = false): RunView {
  if (view.status !== "running") return view;
  const { counts } = view;
  const isStuck = ({ status }: TaskView): boolean => status === "running" || status === "stopping";
  return {
    ...view,
    status: "blocked",
    cause: "lost",
    reason: `its driver is gone${isComing ? ", another comes by itself" : ""}; no finished task is lost`,
    ...(isComing && { isComing }),
    counts: { ...counts, running: 0, stopping: 0, blocked: counts.running + counts.stopping },
    tasks: view.tasks.map((task) =>
      isStuck(task) ? { ...task, status: "blocked", reason: "its driver is gone" } : task,
    ),
  };
}
