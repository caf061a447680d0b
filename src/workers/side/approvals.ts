import type { Assignment, MailReceipt } from "../../core/assignment.ts";
import { decisionOf } from "../../core/decision.ts";
import { oneLine } from "../../lib/wording.ts";
import { handOver } from "./mail.ts";

/** A call that was put to people. */
export interface AskedCall {
  readonly tool: string;
  /** The command or path, whole. */
  readonly what: string;
  /** Each of them leaves the call to people. */
  readonly rules: readonly string[];
  /** The dialog by which the driver is asked; yields its answer, or nothing when nobody listens any more. */
  ask(title: string): Promise<string | undefined>;
}

type Refusal = { readonly reason: string; readonly by: string };

const shownMaxLength = 4_000;
const inputMaxLength = 200;
const options = ["approve", "approve for task", "approve for run", "reject: <reason>"];

/** What people decide about this worker's calls: why one must not run; undefined once it is approved under all its rules. */
export function approvals(assignment: Assignment): (call: AskedCall) => Promise<Refusal | undefined> {
  const granted = new Set<string>();
  let before: Promise<unknown> = Promise.resolve();
  const decide = async (call: AskedCall): Promise<Refusal | undefined> => {
    for (const rule of call.rules) {
      const grant = `${call.tool} ${rule}`;
      if (granted.has(grant)) continue;
      const receipt = await put(call, rule, assignment);
      const decision = decisionOf(receipt.answer ?? "");
      if (decision?.verdict !== "approve") {
        const said = decision?.reason || receipt.refusal || "no reason was given";
        const { by = "muster" } = receipt;
        const how = by === "muster" ? "needs a person's approval" : "was put to a person and denied";
        return { reason: `this call ${how}: ${said}. That is final: do not try it in another way`, by };
      }
      if (decision.scope !== "once") granted.add(grant);
    }
    return undefined;
  };
  return (call) => {
    // A task asks one thing at a time.
    const decided = before.then(() => decide(call));
    before = decided;
    return decided;
  };
}

async function put({ tool, what, ask }: AskedCall, rule: string, on: Assignment): Promise<MailReceipt> {
  const { task, agent, workspace, rules } = on;
  const who = `Task ${task} (${agent}) wants to use ${tool} in ${workspace}, which the rule ${rule} leaves to people`;
  const letter = {
    ...({ kind: "approval", to: "lead", options, text: `${who}:\n${shown(what)}` } as const),
    ...(rules.askMaxMs > 0 && { deadlineMs: rules.askMaxMs, fallback: "reject: nobody decided in time" }),
    about: { kind: "tool", tool, input: oneLine(what, inputMaxLength), rule } as const,
  };
  try {
    return await handOver(letter, ask);
  } catch (error) {
    // Nobody was asked, or nobody hears the answer: then it was not approved.
    return { refusal: error instanceof Error ? error.message : String(error) };
  }
}

/** What people are shown: signs that could hide or turn around a part of it are marked, the middle of what is too long gives way. */
function shown(what: string): string {
  const plain = what.replace(/[^\P{C}\n\t]/gu, "\uFFFD");
  if (plain.length <= shownMaxLength) return plain;
  const [head, tail] = [plain.slice(0, shownMaxLength - 1_000), plain.slice(-1_000)];
  return `${head}\n[… ${plain.length - shownMaxLength} characters are left out here …]\n${tail}`;
}
