/** The promises that a round checks, and how a table names what breaks them. */
export const violationKinds = {
  lost: "finished tasks lost",
  again: "finished tasks executed again",
  alive: "processes alive 5 s after their run, owner or driver died",
  state: "wrong states",
  unparsable: "unparsable files",
  crash: "host crashes",
} as const;

/** A broken promise. */
export interface Violation {
  readonly kind: keyof typeof violationKinds;
  readonly text: string;
}
