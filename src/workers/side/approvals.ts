import type { Assignment, MailReceipt } from "../../core/assignment.ts";
import { decisionOf } from "../../core/decision.ts";
import { handOver } from "./mail.ts";

/** The dialog by which the driver is asked; yields its answer, or nothing when nobody listens any more. */
export type Ask = (title: string) => Promise<string | undefined>;

const shownMaxLength = 4_000;
const verdicts = ["approve", "approve for task", "approve for run", "reject: <reason>"];

/** What people decided about this worker's tool calls. It asks one thing at a time, and no rule again that is granted. */
export class Approvals {
  readonly #assignment: Assignment;
  readonly #granted = new Set<string>();
  #asking: Promise<unknown> = Promise.resolve();

  constructor(assignment: Assignment) {
    this.#assignment = assignment;
  }

  /**
   * Undefined once people approved the call under every one of these rules; else why it must not run, and who says so.
   * `what` is the command or path.
   */
  decide(
    tool: string,
    what: string,
    rules: readonly string[],
    ask: Ask,
  ): Promise<{ readonly reason: string; readonly by: string } | undefined> {
    const decided = this.#asking.then(async () => {
      for (const rule of rules) {
        const refusal = this.#granted.has(rule) ? undefined : await this.#decide(tool, what, rule, ask);
        if (refusal !== undefined) return refusal;
      }
      return undefined;
    });
    // The next call asks whatever became of this one.
    this.#asking = decided.catch(() => undefined);
    return decided;
  }

  async #decide(tool: string, what: string, rule: string, ask: Ask) {
    const { task, agent, workspace, rules } = this.#assignment;
    const input = shown(what);
    const text = `Task ${task} (${agent}) wants to use ${tool} in ${workspace}, which the rule ${rule} leaves to people:\n${input}`;
    const { askMaxMs } = rules;
    const letter = {
      ...({ kind: "approval", to: "lead", options: verdicts, text } as const),
      ...(askMaxMs > 0 && { deadlineMs: askMaxMs, fallback: "reject: nobody decided in time" }),
      about: { kind: "tool", tool, input, rule } as const,
    };
    let receipt: MailReceipt;
    try {
      receipt = await handOver(letter, ask);
    } catch (error) {
      // Nobody was asked, or nobody hears the answer: then it was not approved.
      return { reason: `nobody could be asked (${String(error)})`, by: "muster" };
    }
    const decision = decisionOf(receipt.answer ?? "");
    if (decision?.verdict === "approve") {
      if (decision.scope !== "once") this.#granted.add(rule);
      return undefined;
    }
    const why = decision?.reason || "no reason was given";
    const reason = `this call was put to a person and denied: ${why}. That is final: do not try it in another way`;
    return { reason, by: receipt.by ?? "a person" };
  }
}

/** What people are shown: the middle of what is too long gives way. */
function shown(what: string): string {
  if (what.length <= shownMaxLength) return what;
  const [head, tail] = [what.slice(0, shownMaxLength - 1_000), what.slice(-1_000)];
  return `${head}\n[… ${what.length - shownMaxLength} characters are left out here …]\n${tail}`;
}
