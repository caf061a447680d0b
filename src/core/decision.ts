import type { Mail } from "./mail.ts";

/** What the answer to an approval decides. `scope`: for this once, or for all alike in this task or this run. */
export type Decision =
  | { readonly verdict: "approve"; readonly scope: "once" | "task" | "run" }
  | { readonly verdict: "reject"; readonly reason: string };

const approveForm = /^approved?(?: for (?:the |this )?(task|run))?\.?$/i;
const rejectForm = /^reject(?:ed)?\s*(?::\s*(.*))?$/is;

/** The decision that a text stands for: `approve`, `approve for task|run`, `reject` or `reject: <reason>`; nothing else is one. */
export function decisionOf(text: string): Decision | undefined {
  const said = text.trim();
  const approved = approveForm.exec(said);
  if (approved !== null) {
    const scope = approved[1]?.toLowerCase();
    return { verdict: "approve", scope: scope === "task" || scope === "run" ? scope : "once" };
  }
  const rejected = rejectForm.exec(said);
  return rejected === null ? undefined : { verdict: "reject", reason: rejected[1]?.trim() ?? "" };
}

/** The answers that an approval takes; a wider scope only where its writer offers that. */
export function verdictsOf({ options = ["approve", "reject: <reason>"] }: Mail): readonly string[] {
  return options;
}

/** Why this text is no answer to that approval; undefined when it is one. */
export function noVerdict(mail: Mail, text: string): string | undefined {
  const decision = decisionOf(text);
  const offered = verdictsOf(mail);
  const isOffered =
    decision !== undefined &&
    (decision.verdict === "reject" ||
      decision.scope === "once" ||
      offered.includes(`approve for ${decision.scope}`));
  if (isOffered) return undefined;
  const given = JSON.stringify(text.slice(0, 60));
  return `it is an approval, and ${given} decides nothing: answer ${offered.map((one) => `"${one}"`).join(" or ")}`;
}
