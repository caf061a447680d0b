/** A promise between our own rooms was broken. A bug, never a user's mistake. */
export class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";
}

/** Throws `InvariantViolation` unless the condition holds. The message names the thing: "run r1 has no task t9". */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantViolation(message);
}
