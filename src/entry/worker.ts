import type { ExtensionAPI, ExtensionContext } from "@mariozechner/pi-coding-agent";
import {
  type Assignment,
  type Denial,
  type Heard,
  type Readiness,
  readinessKey,
} from "../core/assignment.ts";
import { systemClock } from "../lib/clock.ts";
import { readEnvironment, takeVariable } from "../lib/environment.ts";
import { untilDiskTakes } from "../lib/patience.ts";
import { exists } from "../lib/process-table.ts";
import { createProcessWatch, endTree, processTree } from "../lib/process-tree.ts";
import { createRedactor } from "../lib/redact.ts";
import { approvals } from "../workers/side/approvals.ts";
import { parseAssignment } from "../workers/side/assignment.ts";
import { closeDialogs } from "../workers/side/early-dialogs.ts";
import { guardParent } from "../workers/side/parent.ts";
import { judgeCall, ownTools, toldOf, toolsFor } from "../workers/side/permission.ts";
import { readSubmission, submit } from "../workers/side/submission.ts";
import { registerMail } from "./worker-mail.ts";

/**
 * The worker-side extension: loaded into every worker, and the only part of ours that is. It hands in the result,
 * keeps the worker within its rights, and ends the worker when its driver is gone. Throws when it was given no
 * assignment: a worker without known rights must not start.
 */
export default function workerSide(pi: ExtensionAPI): void {
  const assignment = takeAssignment();
  const work: Progress = { isSubmitted: false };
  registerSubmission(pi, assignment, work);
  registerMail(pi);
  closeEarlyDialogs(pi);
  announce(pi, assignment);
  enforceRights(pi, assignment, work);
  endWithDriver(pi, assignment, work);
  saveCompaction(pi, work);
}

/** Once the result was handed in, nothing is left to do. */
interface Progress {
  isSubmitted: boolean;
}

const assignmentKey = Symbol.for("pi-muster.assignment");

/**
 * Hosts evaluate an extension again in the same process (new session, reload), when the variable is gone already; its
 * text then waits in the process's global object. Host 0.73.1 gives the module nothing else that lives so long.
 */
function takeAssignment(): Assignment {
  // Left only by a runtime that loads nothing before its program.
  takeVariable("PI_MUSTER_BOOT");
  const text: unknown = takeVariable("PI_MUSTER_ASSIGNMENT") ?? Reflect.get(globalThis, assignmentKey);
  if (typeof text !== "string")
    throw new Error("PI_MUSTER_ASSIGNMENT is not set: only pi-muster's driver loads this extension");
  Reflect.set(globalThis, assignmentKey, text);
  return parseAssignment(text);
}

function registerSubmission(pi: ExtensionAPI, assignment: Assignment, work: Progress): void {
  const { redact } = createRedactor(readEnvironment());
  pi.registerTool({
    name: "submit_result",
    label: "Submit result",
    description:
      "Hand in the finished result of your task. Call it once, alone, as your last action. Your result is what the " +
      "next tasks and the lead get to see: state facts, name files and evidence, say what is unfinished.",
    promptSnippet: "Hand in the finished result of the task",
    promptGuidelines: ["End the task by calling submit_result once, alone, with the complete result."],
    parameters: {
      type: "object",
      properties: {
        result: { type: "string", description: "The complete result, as Markdown." },
        artifacts: {
          type: "array",
          items: { type: "string" },
          description: "Optional: files worth keeping, as paths relative to the workspace.",
        },
      },
      required: ["result"],
    },
    prepareArguments(raw) {
      const { result, artifacts } = readSubmission(raw);
      return { result, artifacts: [...artifacts] };
    },
    executionMode: "sequential",
    async execute(_id, raw, signal, _onUpdate, ctx) {
      const desk = { assignment, ...modelOf(ctx), now: systemClock.now, redact };
      const submitted = await untilDiskTakes(
        () => submit(readSubmission(raw), desk),
        systemClock.sleep,
        () => signal?.aborted === true,
      );
      if (submitted.kind === "refused")
        throw new Error(`Not submitted:\n- ${submitted.problems.join("\n- ")}\nMend this and submit again.`);
      work.isSubmitted = true;
      const text =
        submitted.kind === "stored"
          ? "The result is stored. Your task is done; stop here."
          : "A result was submitted before and stands; this one changed nothing. Your task is done; stop here.";
      return { content: [{ type: "text", text }], details: submitted, terminate: true };
    },
  });
}

/** Makes the allowed tools the active ones and tells the driver, once a session, that the worker can be prompted. */
function announce(pi: ExtensionAPI, assignment: Assignment): void {
  let announced: string | undefined;
  pi.on("session_start", (_event, ctx) => {
    const session = ctx.sessionManager.getSessionId();
    if (announced === session) return;
    announced = session;
    const available = pi.getAllTools().map((tool) => tool.name);
    pi.setActiveTools([...toolsFor(assignment, available, pi.getActiveTools())]);
    const readiness: Readiness = { ready: true, tools: pi.getActiveTools(), ...modelOf(ctx) };
    ctx.ui.setStatus(readinessKey, JSON.stringify(readiness));
  });
}

/** From the session's start to its first prompt: then the driver's answers reach the host. */
function closeEarlyDialogs(pi: ExtensionAPI): void {
  let open: (() => void) | undefined;
  pi.on("session_start", (_event, ctx) => {
    open ??= closeDialogs(ctx.ui);
  });
  pi.on("input", () => {
    open?.();
    open = undefined;
  });
}

function enforceRights(pi: ExtensionAPI, assignment: Assignment, work: Progress): void {
  const decide = approvals(assignment);
  const { redact } = createRedactor(readEnvironment());
  pi.on("tool_call", async ({ toolName: tool, input }, { ui, signal }) => {
    const tell = (news: Denial | Heard): void => ui.setStatus(readinessKey, JSON.stringify(news));
    const what = redact(toldOf(input));
    const ask = async (title: string): Promise<string | undefined> => {
      const answer = await ui.input(title, undefined, signal && { signal });
      tell({ heard: true });
      return answer;
    };
    const verdict =
      work.isSubmitted && !ownTools.includes(tool)
        ? { reason: "the result is submitted and the task is done; stop here", by: "muster" }
        : await judgeCall(tool, input, assignment);
    const refusal =
      verdict !== undefined && "asks" in verdict
        ? await decide({ tool, what, rules: verdict.asks, ask })
        : verdict;
    if (refusal === undefined) return undefined;
    tell({ denied: { tool, what: what.slice(0, toldMaxLength), ...refusal } });
    return { block: true, reason: `Refused: ${refusal.reason}.` };
  });
}

function endWithDriver(pi: ExtensionAPI, assignment: Assignment, work: Progress): void {
  const parent = process.ppid;
  let watch: AbortController | undefined;
  pi.on("session_start", () => {
    if (watch !== undefined) return;
    watch = new AbortController();
    // What watched while the host booted (boot.cjs) has done its part.
    const watched: unknown = Reflect.get(globalThis, Symbol.for("pi-muster.boot"));
    if (typeof watched === "function") watched();
    const probe = {
      parent: () => process.ppid,
      exists,
      endSelf: (signal: "SIGTERM" | "SIGKILL") => void process.kill(process.pid, signal),
    };
    void guardParent(assignment.expectedParentPid, probe, systemClock, watch.signal);
  });
  pi.on("session_shutdown", async (_event, ctx) => {
    watch?.abort();
    watch = undefined;
    // Running tools would outlive the host otherwise: they are process groups of their own.
    ctx.abort();
    // A dying driver's pipes close a moment before its children are given away; who has handed in is in no doubt.
    if (!work.isSubmitted) await systemClock.stay(adoptionMs);
    if (process.ppid !== parent) await endOwnProcesses();
  });
}

/** The driver is gone, and its warden may be, too: then nobody else ends what left this worker's process groups. */
async function endOwnProcesses(): Promise<void> {
  const { PI_MUSTER_WORKER: mark } = readEnvironment();
  if (mark === undefined) return;
  const now = systemClock.now();
  const tree = processTree([`PI_MUSTER_WORKER=${mark}`]);
  // Nothing else keeps 1.5.2 alive by now.
  const clock = { now: systemClock.now, sleep: systemClock.stay };
  await endTree(createProcessWatch(), tree, clock, { termAt: now, killAt: now + orphansKillAfterMs });
}

/** Of what a refused call was about, for the record. */
const toldMaxLength = 1_000;
const adoptionMs = 100;
const orphansKillAfterMs = 1_500;

/**
 * Host 0.73.1 compacts a long session after its last answer, and bills a model call that nobody reads. Compaction
 * that makes room to go on (overflow, another prompt) stays; later hosts compact only then, and say why.
 */
function saveCompaction(pi: ExtensionAPI, work: Progress): void {
  let answered = false;
  pi.on("input", () => {
    answered = false;
  });
  pi.on("agent_end", (event) => {
    const last = event.messages.findLast((message) => message.role === "assistant");
    answered = last !== undefined && last.stopReason !== "error";
  });
  pi.on("session_before_compact", (event) => {
    const saysWhy = "reason" in event;
    return work.isSubmitted || (answered && !saysWhy) ? { cancel: true } : undefined;
  });
}

function modelOf({ model }: ExtensionContext): { readonly model?: string } {
  return model === undefined ? {} : { model: `${model.provider}/${model.id}` };
}
