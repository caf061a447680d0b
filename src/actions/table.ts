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
    parameters: [...ask, "background"],
    summary: "have a team achieve a goal, or run inline tasks; waits for the end",
  },
  { name: "plan", parameters: ask, summary: "show a run's task graph, start nothing" },
  { name: "recommend", parameters: ["goal"], summary: "which teams fit a goal, and why" },
  {
    name: "status",
    parameters: ["run", "task"],
    summary: "where a run stands (default: last), why a task does not run; with task: its story",
  },
  { name: "wait", parameters: ["run"], summary: "wait for a run's end (default: last)" },
  {
    name: "list",
    parameters: ["resource", "limit"],
    summary: "this project's runs, newest first; with resource: the agents, teams or workflows",
  },
  {
    name: "summary",
    parameters: ["run"],
    summary: "report of a run: outcome, costs, claims, and where the evidence lies",
  },
  {
    name: "get",
    parameters: ["name", "resource", "run", "task"],
    summary: "a task's whole result (run, task), or an agent, team or workflow (name)",
  },
  { name: "events", parameters: ["run", "task", "limit"], summary: "the newest records of a run's journal" },
  { name: "artifacts", parameters: ["run", "task"], summary: "files that a run's tasks left behind" },
  {
    name: "cancel",
    parameters: ["run", "reason"],
    summary: "end a run and all its processes, from any session",
  },
  {
    name: "resume",
    parameters: ["run", "background", "force", "reason"],
    summary: "go on with a run that stands still or lost its driver; another session's: force",
  },
  {
    name: "retry",
    parameters: ["run", "background"],
    summary: "do a failed or cancelled run again, reusing its finished tasks",
  },
  {
    name: "respond",
    parameters: ["message", "run", "name"],
    summary: "answer a task's question (name: its id, where several are open)",
  },
  {
    name: "steer",
    parameters: ["message", "run", "task"],
    summary: "tell a task's worker something before its next step",
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
    summary: "remove a run and all its files for good",
  },
  {
    name: "prune",
    parameters: ["value", "limit", "confirm", "force", "reason"],
    summary: "forget finished runs older than value days, or beyond the newest limit",
  },
  {
    name: "cleanup",
    parameters: ["confirm", "force", "reason"],
    summary: "clear away what crashes left",
  },
  { name: "export", parameters: ["run", "path"], summary: "write a run to one file" },
  {
    name: "import",
    parameters: ["path", "confirm", "force", "reason"],
    summary: "take a run from such a file",
  },
  {
    name: "validate",
    parameters: ["resource", "name", "text"],
    summary: "check all definitions and settings, or the text of one",
  },
  {
    name: "config",
    parameters: ["key", "value", "scope"],
    summary: "settings and where they come from; with key and value: set one (scope default: project)",
  },
  {
    name: "doctor",
    parameters: ["run", "confirm", "force", "reason"],
    summary: "what machine, project and runs get wrong; confirm repairs damaged runs",
  },
  { name: "help", parameters: ["name"], summary: "the actions; with name: one action's parameters" },
] as const satisfies readonly Action[];

export type ActionName = (typeof rows)[number]["name"];

/** Everything that can be asked for; what does it is in `perform.ts`, so that a host can register this and load nothing. */
export const actions: readonly (Action & { readonly name: ActionName })[] = rows;

/** The action of this name; undefined when there is none. */
export function actionNamed(name: string): (typeof actions)[number] | undefined {
  return actions.find((action) => action.name === name);
}
