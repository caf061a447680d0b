/**
 * Commands that open something for a person to look at and are no actions: no model can ask for them. Registered and
 * explained beside the actions.
 */
export const screens = [
  { name: "mailbox", summary: "a run's mail in a dialog: read it, answer, write" },
] as const;

export type ScreenName = (typeof screens)[number]["name"];
