import type { Action, ParameterName } from "./action.ts";

const ask = [
  "goal",
  "team",
  "workflow",
  "agent",
  "tasks",
  "concurrency",
  "model",
] as const satisfies ParameterName[];

const rows = [
  {
    name: "run",
    parameters: [...ask, "background", "force"],
    summary: "have a team achieve a goal, or run inline tasks; waits for the end",
  },
  {
    name: "plan",
    parameters: [...ask, "confirm"],
    summary: "show a run's task graph; confirm: keep it to be approved",
  },
  { name: "recommend", parameters: ["goal"], summary: "which teams fit a goal" },
  {
    name: "status",
    parameters: ["run", "task"],
    summary: "where a run stands, why a task does not run; with task: its story",
  },
  { name: "wait", parameters: ["run"], summary: "wait for a run's end" },
  {
    name: "list",
    parameters: ["resource", "limit"],
    summary: "the project's runs; with resource: agents, teams or workflows",
  },
  {
    name: "summary",
    parameters: ["run"],
    summary: "a run's report: outcome, costs, claims, evidence",
  },
  {
    name: "get",
    parameters: ["name", "resource", "run", "task"],
    summary: "a task's whole result, or a definition by name",
  },
  { name: "events", parameters: ["run", "task", "limit"], summary: "a run's newest journal records" },
  { name: "artifacts", parameters: ["run", "task"], summary: "files that tasks left behind" },
  {
    name: "cancel",
    parameters: ["run", "reason"],
    summary: "end a run and its processes, from any session",
  },
  {
    name: "resume",
    parameters: ["run", "background", "force", "reason"],
    summary: "go on with a run that stands still or lost its driver",
  },
  {
    name: "retry",
    parameters: ["run", "background"],
    summary: "do a failed or cancelled run again; finished tasks are reused",
  },
  {
    name: "respond",
    parameters: ["message", "run", "name", "tasks"],
    summary: "answer a question (name: its id); approve, or reject: why; tasks: edit the plan",
  },
  {
    name: "steer",
    parameters: ["message", "run", "task", "force"],
    summary: "tell a task's worker something before its next step, with force at once; stop: it waits",
  },
  {
    name: "send",
    parameters: ["message", "run", "task"],
    summary: "mail to a task, role:<role> or all (default)",
  },
  { name: "inbox", parameters: ["run", "task"], summary: "a run's mail and questions" },
  {
    name: "forget",
    parameters: ["run", "confirm", "force", "reason"],
    summary: "remove a run and its files for good",
  },
  {
    name: "prune",
    parameters: ["value", "limit", "confirm", "force", "reason"],
    summary: "forget finished runs older than value days or beyond the newest limit",
  },
  {
    name: "cleanup",
    parameters: ["confirm", "force", "reason"],
    summary: "clear away what crashes left",
  },
  { name: "export", parameters: ["run", "path"], summary: "write a run to one file; .html: a report" },
  {
    name: "import",
    parameters: ["path", "confirm", "force", "reason"],
    summary: "take a run from such a file",
  },
  {
    name: "validate",
    parameters: ["resource", "name", "text"],
    summary: "check all definitions and settings, or one text",
  },
  {
    name: "config",
    parameters: ["key", "value", "scope"],
    summary: "settings and their sources; with key and value: set one",
  },
  {
    name: "doctor",
    parameters: ["run", "confirm", "force", "reason"],
    summary: "what is wrong with machine, project and runs; confirm repairs",
  },
  { name: "help", parameters: ["name"], summary: "one action's parameters (name)" },
] as const satisfies readonly Action[];

export type ActionName = (typeof rows)[number]["name"];

/** Everything that can be asked for; what does it is in `perform.ts`, so that a host can register this and load nothing. */
export const actions: readonly (Action & { readonly name: ActionName })[] = rows;

/** The action of this name; undefined when there is none. */
export function actionNamed(name: string): (typeof actions)[number] | undefined {
  return actions.find((action) => action.name === name);
}
