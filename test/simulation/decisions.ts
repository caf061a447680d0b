import type { StoredEvent } from "../../src/core/events.ts";
import type { Mail } from "../../src/core/mail.ts";

/** What waits for approval and what was decided about it, as far as the records themselves say. */
export class Decisions {
  /** Revision of the plan that waits for approval. */
  proposed: number | undefined;
  isRejected = false;
  /** Tasks that have done their work, and wait. */
  readonly done = new Set<string>();
  /** What the engine asked: about a task, or (empty) about the plan. */
  readonly #asked = new Map<string, string>();
  readonly #expect: (holds: boolean, message: string) => void;

  constructor(expect: (holds: boolean, message: string) => void) {
    this.#expect = expect;
  }

  /** The task that this mail approves, if it does. */
  posted({ id, kind, from, about, text, replyTo = "" }: Mail): string | undefined {
    if (about?.kind === "plan") {
      this.#expect(about.revision === this.proposed, `${id} asks about revision ${about.revision}`);
      this.#asked.set(id, "");
    }
    if (about?.kind === "step") {
      this.#expect(this.done.has(from), `${id} asks about what is not done`);
      this.#asked.set(id, from);
    }
    const task = this.#asked.get(replyTo);
    if (kind !== "answer" || task === undefined) return undefined;
    const isApproved = text === "approve";
    this.#expect(isApproved || /^reject: (not so|nobody is there)/.test(text), `"${text}" decided something`);
    if (!isApproved) this.isRejected = true;
    else if (task === "") this.proposed = undefined;
    else this.done.delete(task);
    return isApproved && task !== "" ? task : undefined;
  }

  revised({ revision }: Extract<StoredEvent, { type: "plan.revised" }>): void {
    this.#expect(this.proposed === revision - 1, `revision ${revision} after ${this.proposed}`);
    this.#expect(!this.isRejected, "revised after it was rejected");
    this.proposed = revision;
  }

  finished({ status, cause }: Extract<StoredEvent, { type: "run.finished" }>): void {
    const isTold = this.isRejected === (cause === "rejected") && (!this.isRejected || status === "cancelled");
    this.#expect(isTold, `${this.isRejected ? "" : "not "}rejected, and ends ${status} (${cause})`);
  }

  /** Nothing starts unasked, and nothing that is done starts again. */
  starts(task: string, name: string): void {
    this.#expect(this.proposed === undefined, `${name} starts before the plan is approved`);
    this.#expect(!this.done.has(task), `${name} starts while what was done waits for approval`);
  }
}
