/** What the oracle may look at beside the journal. */
export interface Witness {
  /** Identities of living worker processes of this attempt that its own run answers for. */
  workersOf(task: string, attempt: number): number;
  /** Living worker processes of the run. */
  workers(): number;
  /** A completed outcome that is on the disk. */
  hasResult(task: string, attempt: number): boolean;
  /** Whether a driver that nobody could end did the attempt once more, behind its successor's back. */
  isObscure(task: string, attempt: number): boolean;
  violate(message: string): void;
}
