import { appendFile, readFile } from "node:fs/promises";
import type { Context, Model } from "@mariozechner/pi-ai";
import type { ExtensionAPI } from "@mariozechner/pi-coding-agent";
import { systemClock } from "../lib/clock.ts";
import { readEnvironment } from "../lib/environment.ts";
import { isRecord } from "../lib/json.ts";
import { choose, type Moment, type Part, parseScript, type Rule, type ScriptedUsage } from "./script.ts";
import { streamAnswer } from "./scripted-stream.ts";

const label = "scripted (not a real model)";
/** Ids that differ only in name, so that a script can let one fail where the next one works. */
const modelIds = ["demo", "second", "third"] as const;

/**
 * A provider named `scripted` that needs no key and no network: it answers by the rules in the file that
 * PI_MUSTER_SCRIPT names (docs/scripted-model.md), and adds one line per request to the file PI_MUSTER_SCRIPT_LOG.
 * Rules are read at every request.
 */
export default function scriptedModel(pi: ExtensionAPI): void {
  const used = new Map<string, number>();
  pi.registerProvider("scripted", {
    name: label,
    baseUrl: "http://scripted.invalid",
    apiKey: "scripted-needs-no-key",
    api: "pi-muster-scripted",
    models: modelIds.map((id) => ({
      id,
      name: `${id}: ${label}`,
      reasoning: false,
      input: ["text"],
      cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
      contextWindow: 200_000,
      maxTokens: 32_000,
    })),
    streamSimple: (model, context, options) => {
      const moment = momentOf(model, context);
      return streamAnswer({
        model,
        moment,
        sent: JSON.stringify(context.messages).length + (context.systemPrompt?.length ?? 0),
        signal: options?.signal,
        clock: systemClock,
        decide: () => decide(moment, context, used),
      });
    },
  });
}

async function decide(
  moment: Moment,
  context: Context,
  used: Map<string, number>,
): Promise<{ parts: readonly Part[]; usage: ScriptedUsage | undefined }> {
  const environment = readEnvironment();
  const script = environment.PI_MUSTER_SCRIPT;
  const rules = script ? parseScript(await readFile(script, "utf8"), script) : [];
  const chosen = choose(rules, moment, used);
  if (chosen !== undefined) used.set(chosen.rule.name, (used.get(chosen.rule.name) ?? 0) + 1);
  const log = environment.PI_MUSTER_SCRIPT_LOG;
  if (log) await appendFile(log, logLine(moment, context, chosen?.rule));
  return chosen === undefined
    ? { parts: [{ text: unmatched(rules, moment) }], usage: undefined }
    : { parts: chosen.parts, usage: chosen.rule.usage };
}

function unmatched(rules: readonly Rule[], moment: Moment): string {
  const known =
    rules.length === 0
      ? "PI_MUSTER_SCRIPT names no script with rules."
      : `No rule matched; its rules are: ${rules.map((rule) => rule.name).join("; ")}.`;
  return `This is the scripted model, not a real one, and it has no answer here. ${known} Newest prompt: ${moment.prompt.slice(0, 200)}`;
}

function momentOf(model: Pick<Model<string>, "id">, context: Context): Moment {
  const messages: readonly { readonly role: string }[] = context.messages;
  const start = messages.findLastIndex((message) => message.role === "user");
  const first = messages.findLastIndex((message, index) => index < start && message.role !== "user") + 1;
  const since = messages.slice(start + 1);
  const results = since.filter((message) => message.role === "toolResult");
  // Host 1.5.2 keeps the system prompt among the messages.
  const system = messages.filter((message) => message.role === "system").map(systemText);
  return {
    // What extensions add to a prompt comes as messages of its own.
    prompt: messages
      .slice(first, start + 1)
      .map(textOf)
      .join("\n\n"),
    system: [context.systemPrompt ?? "", ...system].join("\n"),
    model: model.id,
    tools: results.map((message) => String(Reflect.get(message, "toolName"))),
    lastToolResult: textOf(results.at(-1)),
    messages: messages.length,
    answers: since.filter(
      (message) =>
        message.role === "assistant" &&
        !["error", "aborted"].includes(String(Reflect.get(message, "stopReason"))),
    ).length,
  };
}

function systemText(message: object): string {
  const sections: unknown = Reflect.get(message, "sections");
  return [textOf(message), ...texts(isRecord(sections) ? Object.values(sections) : [])].join("\n");
}

function textOf(message: object | undefined): string {
  const content: unknown = message === undefined ? "" : Reflect.get(message, "content");
  if (typeof content === "string") return content;
  return Array.isArray(content)
    ? texts(content.map((block) => isRecord(block) && block.text)).join("\n")
    : "";
}

function texts(values: readonly unknown[]): readonly string[] {
  return values.filter((value) => typeof value === "string");
}

function logLine(moment: Moment, context: Context, rule: Rule | undefined): string {
  const line = {
    at: new Date(systemClock.now()).toISOString(),
    pid: process.pid,
    model: moment.model,
    rule: rule?.name ?? null,
    prompt: moment.prompt.slice(0, 8_000),
    toolResults: moment.tools,
    lastToolResult: moment.lastToolResult.slice(0, 8_000),
    tools: (context.tools ?? []).map((tool) => tool.name),
  };
  return `${JSON.stringify(line)}\n`;
}
