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
    group: "do",
    summary: "have a team achieve a goal, or run inline tasks; waits for the end",
    parameters: [...ask, "background"],
    rest: "goal",
  },
  {
    name: "plan",
    group: "do",
    summary: "same input as run; shows the task graph, starts nothing",
    parameters: ask,
    rest: "goal",
  },
  {
    name: "recommend",
    group: "do",
    summary: "which teams fit a goal, and why",
    parameters: ["goal"],
    rest: "goal",
  },
  {
    name: "status",
    group: "watch",
    summary: "where a run stands (default: last), why a task does not run; with task: its story",
    parameters: ["run", "task"],
    rest: "run",
  },
  {
    name: "wait",
    group: "watch",
    summary: "wait for a run's end (default: last)",
    parameters: ["run"],
    rest: "run",
  },
  {
    name: "list",
    group: "watch",
    summary: "this project's runs, newest first; with resource: the agents, teams or workflows",
    parameters: ["resource", "limit"],
    rest: "resource",
  },
  {
    name: "summary",
    group: "watch",
    summary: "report of a run: outcome, costs, claims, and where the evidence lies",
    parameters: ["run"],
    rest: "run",
  },
  {
    name: "get",
    group: "watch",
    summary: "a task's whole result (run, task), or an agent, team or workflow (name)",
    parameters: ["run", "task", "resource", "name"],
    rest: "name",
  },
  {
    name: "events",
    group: "watch",
    summary: "the newest records of a run's journal",
    parameters: ["run", "task", "limit"],
    rest: "run",
  },
  {
    name: "artifacts",
    group: "watch",
    summary: "files that a run's tasks left behind",
    parameters: ["run", "task"],
    rest: "run",
  },
  {
    name: "cancel",
    group: "end",
    summary: "end a run and all its processes, from any session",
    parameters: ["run", "reason"],
    rest: "run",
  },
  {
    name: "resume",
    group: "end",
    summary: "go on with a run that stands still or lost its driver",
    parameters: ["run", "background"],
    rest: "run",
  },
  {
    name: "validate",
    group: "resources",
    summary: "check all definitions and settings, or the text of one",
    parameters: ["resource", "name", "text"],
  },
  {
    name: "config",
    group: "setup",
    summary: "settings and where they come from; with key and value: set one (scope default: project)",
    parameters: ["key", "value", "scope"],
    rest: "key",
  },
  {
    name: "doctor",
    group: "setup",
    summary: "what this machine, project and configuration get wrong",
    parameters: [],
  },
  {
    name: "help",
    group: "setup",
    summary: "the actions; with name: one action's parameters",
    parameters: ["name"],
    rest: "name",
  },
] as const satisfies readonly Action[];

export type ActionName = (typeof rows)[number]["name"];

/** Everything that can be asked for; what does it is in `perform.ts`, so that a host can register this and load nothing. */
export const actions: readonly (Action & { readonly name: ActionName })[] = rows;

/** The action of this name; undefined when there is none. */
export function actionNamed(name: string): (typeof actions)[number] | undefined {
  return actions.find((action) => action.name === name);
}
