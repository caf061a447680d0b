import type { ExtensionAPI } from "@mariozechner/pi-coding-agent";
import { handOver, readMessage, readQuestion, sendKinds } from "../workers/side/mail.ts";

/** The worker's `ask` and `send`. */
export function registerMail(pi: ExtensionAPI): void {
  pi.registerTool({
    name: "ask",
    label: "Ask",
    description:
      "Ask the lead or the person behind it, and wait for the answer. Only for a decision that is not yours and that " +
      "changes the result; else decide, and say in your result what you assumed.",
    parameters: {
      type: "object",
      properties: {
        question: { type: "string", description: "One question, with what one must know to answer it." },
        options: { type: "array", items: { type: "string" }, description: "Optional: answers you propose." },
        default: { type: "string", description: "Optional: what you do if nobody answers in time." },
        deadlineMinutes: { type: "number", description: "Optional: how long to wait." },
      },
      required: ["question"],
    },
    prepareArguments: (raw) => {
      const { text, options, fallback, deadlineMs } = readQuestion(raw);
      return {
        question: text,
        ...(options && { options: [...options] }),
        ...(fallback && { default: fallback }),
        ...(deadlineMs && { deadlineMinutes: deadlineMs / 60_000 }),
      };
    },
    executionMode: "sequential",
    async execute(_id, raw, signal, _onUpdate, ctx) {
      const input = (title: string) => ctx.ui.input(title, undefined, signal && { signal });
      const { answer = "" } = await handOver(readQuestion(raw), input);
      return { content: [{ type: "text", text: `Answer: ${answer}` }], details: { answer } };
    },
  });
  pi.registerTool({
    name: "send",
    label: "Send",
    description:
      "Write to another task of the team, a role, everyone or the lead, without waiting. Only what they must know before you are done.",
    parameters: {
      type: "object",
      properties: {
        to: { type: "string", description: 'A task id, "role:<role>", "all" or "lead" (default).' },
        message: { type: "string", description: "What they are to know." },
        kind: { type: "string", enum: [...sendKinds], description: "Optional; default message." },
      },
      required: ["message"],
    },
    executionMode: "sequential",
    async execute(_id, raw, signal, _onUpdate, ctx) {
      await handOver(readMessage(raw), (title) => ctx.ui.input(title, undefined, signal && { signal }));
      return { content: [{ type: "text", text: "Sent." }], details: {} };
    },
  });
}
