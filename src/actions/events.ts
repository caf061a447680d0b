import type { StoredEvent } from "../core/events.ts";
import type { Perform } from "./context.ts";
import { observe } from "./observe.ts";
import { aboutRun, refusal } from "./result.ts";
import { oneLine } from "./text.ts";

const limitDefault = 50;

/** The newest records of a run, or of one of its tasks, oldest first; those before a damage are shown as well. */
export const events: Perform = async (parameters, context) => {
  const observed = await observe(parameters, context);
  if (!observed.ok) return refusal(observed.problems, "nothing is shown");
  const { view, problem, task } = observed;
  const all = observed.events.filter(
    (event) => task === undefined || ("task" in event && event.task === task.id),
  );
  const shown = all.slice(-(parameters.limit ?? limitDefault));
  const text = [
    `${shown.length} of ${all.length} events of run ${view.runId}${task === undefined ? "" : `, task ${task.id}`}, oldest first:`,
    ...shown.map(eventLine),
    ...(problem === undefined
      ? []
      : [`Unreadable from ${problem.where}: ${problem.message}. Remedy: ${problem.remedy}.`]),
  ];
  return aboutRun(problem === undefined, view, text.join("\n"), context);
};

/** `12 2026-11-21T13:08:01.123Z attempt.started build/1 openai/gpt`. */
function eventLine(event: StoredEvent): string {
  return `${event.seq} ${event.at} ${event.type} ${oneLine(about(event), 200)}`.trimEnd();
}

function about(event: StoredEvent): string {
  switch (event.type) {
    case "lease.taken":
      return `epoch ${event.epoch} by pid ${event.pid}`;
    case "run.started":
      return `${event.plan.tasks.length} tasks: ${event.plan.goal}`;
    case "run.cancel_requested":
      return `by ${event.by}: ${event.reason === "" ? event.cause : event.reason}`;
    case "run.parked":
      return `${event.cause}: ${event.message}`;
    case "run.resumed":
      return `by ${event.owner.sessionId}`;
    case "run.finished":
      return event.status === event.cause ? event.status : `${event.status} (${event.cause})`;
    case "task.skipped":
      return `${event.task} because of ${event.because}`;
    case "task.cancelled":
      return event.task;
    case "attempt.started":
      return `${event.task}/${event.attempt} ${event.model ?? ""}`;
    case "attempt.spawned":
      return `${event.task}/${event.attempt} pid ${event.worker.pid}`;
    case "attempt.ready":
      return `${event.task}/${event.attempt}`;
    case "attempt.progressed":
      return `${event.task}/${event.attempt} ${event.activity}`;
    case "attempt.stopping":
      return `${event.task}/${event.attempt} ${event.cause}`;
    case "attempt.ended": {
      const { outcome } = event;
      const why = "cause" in outcome ? `${outcome.cause}: ${outcome.message}` : "";
      return `${event.task}/${event.attempt} ${outcome.kind} ${why}`;
    }
  }
}
