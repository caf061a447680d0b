import type { AttemptOutcome, Cause } from "../core/outcome.ts";
import { errnoOf } from "../lib/files.ts";
import type { Exit } from "../lib/spawn.ts";
import type { Telemetry } from "./protocol.ts";
import { classifyProviderFailure, isModelTrouble } from "./provider-failure.ts";

/** How a worker's conversation came to its end: written once, and the outcome is computed from it. */
export type Ending =
  /** The agent has nothing more to do. */
  | { readonly by: "settled" }
  /** The process ended by itself. */
  | { readonly by: "exit"; readonly exit: Exit; readonly wasReady: boolean }
  /** `stop` was called. */
  | { readonly by: "stop"; readonly cause: Cause }
  /** There never was a process. */
  | { readonly by: "spawn"; readonly message: string; readonly code: string }
  /** The process is there but cannot do the work. */
  | { readonly by: "unfit"; readonly message: string }
  /** The host did not take the prompt. */
  | { readonly by: "refused"; readonly message: string }
  /** Our own files could not be written. `code` is an errno name. */
  | { readonly by: "storage"; readonly message: string; readonly code: string };

/** What an outcome is told from. */
export interface Evidence {
  readonly ending: Ending;
  readonly telemetry: Telemetry;
  /** Redacted end of the error output. */
  readonly stderr: string;
}

/** Failures that another try of the same thing would only repeat. */
const hopeless: readonly Cause[] = [
  "turn_limit",
  "budget_limit",
  "rejected",
  "disk_full",
  "read_only",
  "recovery_limit",
];
/** Errors of the moment: too many processes, no memory. */
const passing = ["EAGAIN", "ENOMEM", "EMFILE", "ENFILE"];

/** The failure of an attempt, from what is known of its worker. */
export function failed(
  { telemetry: { usage, model } }: Evidence,
  cause: Cause,
  message: string,
  { retryable = true, provider = false } = {},
): AttemptOutcome {
  const again = retryable && !hopeless.includes(cause);
  return { kind: "failed", cause, retryable: again, provider, message, usage, ...(model ? { model } : {}) };
}

/**
 * The outcome of an attempt that left no valid outcome.json of its own, or undefined when it completed: then its final
 * text is the result. A signal, a nonzero exit, or silence never completes.
 */
export function failureOf(evidence: Evidence): AttemptOutcome | undefined {
  const { ending, telemetry } = evidence;
  switch (ending.by) {
    case "stop": {
      const { usage } = telemetry;
      if (ending.cause === "cancelled") return { kind: "cancelled", usage };
      if (ending.cause === "lost")
        return { kind: "lost", cause: "lost", message: "its driver gave it up", usage };
      const last = `ended by the driver: ${ending.cause}; it was last seen at: ${telemetry.activity}`;
      return failed(evidence, ending.cause, last);
    }
    case "spawn":
      return failed(evidence, "spawn_error", ending.message, { retryable: passing.includes(ending.code) });
    case "storage":
      return failed(evidence, storageCause(ending.code), ending.message);
    case "unfit":
      return failed(evidence, "aborted_before_session", ending.message, { retryable: false });
    case "refused":
      return providerFailed(evidence, ending.message);
    case "settled":
      return unanswered(evidence, "it ended without a final text and without `submit_result`");
    case "exit":
      return exitFailure(evidence, ending);
  }
}

function exitFailure(
  evidence: Evidence,
  { exit, wasReady }: Extract<Ending, { by: "exit" }>,
): AttemptOutcome | undefined {
  const { telemetry, stderr } = evidence;
  const tail = stderr.trim() === "" ? "; it printed no error" : `; last error output: ${stderr.trim()}`;
  const how = exit.signal ? `it was ended by ${exit.signal}` : `it exited with code ${exit.code}`;
  if (!wasReady && isModelTrouble(stderr)) {
    const message = `the host could not use the model${tail}`;
    return failed(evidence, "spawn_error", message, { retryable: false, provider: true });
  }
  if (exit.code === 0) {
    const noise = telemetry.noise > 0 ? `; ${telemetry.noise} lines were no protocol` : "";
    return unanswered(evidence, `${how} without a result${noise}${tail}`);
  }
  const full = /\b(ENOSPC|EROFS)\b/.exec(stderr)?.[1];
  if (full) return failed(evidence, storageCause(full), `${how}${tail}`);
  // 128 + n is how a shell, and the host itself, report the end by signal n.
  if (exit.signal || (exit.code ?? 0) > 128) return failed(evidence, "forced_exit", `${how}${tail}`);
  if (!wasReady && telemetry.finalText === "")
    return failed(evidence, "aborted_before_session", `${how} before its session was open${tail}`);
  return failed(evidence, "self_exit", `${how}${tail}`);
}

/** Undefined when there is an answer. */
function unanswered(evidence: Evidence, message: string): AttemptOutcome | undefined {
  const { error, finalText } = evidence.telemetry;
  if (error !== undefined) return providerFailed(evidence, error);
  return finalText.trim() === "" ? failed(evidence, "hollow", message) : undefined;
}

function providerFailed(evidence: Evidence, text: string): AttemptOutcome {
  const { cause, retryable } = classifyProviderFailure(text);
  return failed(evidence, cause, `the model call failed: ${text}`, { retryable, provider: true });
}

/** The ending that a failed system call stands for. */
export function storageEnding(error: unknown): Ending {
  const message = error instanceof Error ? error.message : String(error);
  return { by: "storage", message, code: errnoOf(error) ?? "" };
}

/** The cause that an errno stands for. */
export function storageCause(code: string): Cause {
  if (code === "ENOSPC" || code === "EDQUOT") return "disk_full";
  return code === "EROFS" ? "read_only" : "spawn_error";
}
