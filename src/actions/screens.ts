/**
 * Commands that open something for a person to look at and are no actions: no model can ask for them. Registered and
 * explained beside the actions.
 */
export const screens = [
  { name: "dashboard", summary: "all runs: tasks, workers, mail, costs; also /team and alt+t" },
  { name: "transcript", summary: "what a worker was told, says and does: [run] [task]" },
  { name: "mailbox", summary: "a run's mail in a dialog: read it, answer, write" },
] as const;
