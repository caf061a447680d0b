/**
 * Commands that open something for a person to look at and are no actions: no model can ask for them. Registered and
 * explained beside the actions. Their arguments are completed as those of the action `like`.
 */
export const screens = [
  {
    name: "dashboard",
    like: "inbox",
    summary: "all runs: tasks, workers, mail, costs; also /team and alt+t",
  },
  { name: "board", like: "inbox", summary: "all runs as cards, in columns by status: [filter]" },
  { name: "transcript", like: "inbox", summary: "what a worker was told, says and does: [run] [task]" },
  { name: "mailbox", like: "inbox", summary: "a run's mail in a dialog: read it, answer, write" },
  { name: "settings", like: "config", summary: "every setting, its value and source; change it: [filter]" },
  { name: "resources", like: "get", summary: "agents, teams and workflows, and what is wrong: [filter]" },
] as const;
