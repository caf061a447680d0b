import type { AttemptOutcome, Cause } from "../core/outcome.ts";
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

/**
 * The outcome of an attempt that left no valid outcome.json of its own, or undefined when it completed: then its final
 * text is the result. A signal, a nonzero exit, or silence never completes.
 */
export function failureOf(ending: Ending, telemetry: Telemetry, stderr: string): AttemptOutcome | undefined {
  const { usage } = telemetry;
  const fail = (cause: Cause, message: string, retryable = true, provider = false): AttemptOutcome => ({
    kind: "failed",
    cause,
    retryable: retryable && !hopeless.includes(cause),
    provider,
    message,
    usage,
    ...(telemetry.model ? { model: telemetry.model } : {}),
  });
  const providerFailed = (text: string): AttemptOutcome => {
    const { cause, retryable } = classifyProviderFailure(text);
    return fail(cause, `the model call failed: ${text}`, retryable, true);
  };
  switch (ending.by) {
    case "stop":
      if (ending.cause === "cancelled") return { kind: "cancelled", usage };
      if (ending.cause === "lost")
        return { kind: "lost", cause: "lost", message: "its driver gave it up", usage };
      return fail(
        ending.cause,
        `ended by the driver: ${ending.cause}; it was last seen at: ${telemetry.activity}`,
      );
    case "spawn":
      return fail("spawn_error", ending.message, passing.includes(ending.code));
    case "storage":
      return fail(storageCause(ending.code), ending.message);
    case "unfit":
      return fail("aborted_before_session", ending.message, false);
    case "refused":
      return providerFailed(ending.message);
    case "settled":
      if (telemetry.error !== undefined) return providerFailed(telemetry.error);
      return telemetry.finalText.trim() === ""
        ? fail("hollow", "it ended without a final text and without `submit_result`")
        : undefined;
    case "exit":
      return exitFailure(ending, telemetry, stderr, fail, providerFailed);
  }
}

function exitFailure(
  { exit, wasReady }: Extract<Ending, { by: "exit" }>,
  telemetry: Telemetry,
  stderr: string,
  fail: (cause: Cause, message: string, retryable?: boolean, provider?: boolean) => AttemptOutcome,
  providerFailed: (text: string) => AttemptOutcome,
): AttemptOutcome | undefined {
  const tail = stderr.trim() === "" ? "; it printed no error" : `; last error output: ${stderr.trim()}`;
  const how = exit.signal ? `was ended by ${exit.signal}` : `exited with code ${exit.code}`;
  if (!wasReady && isModelTrouble(stderr))
    return fail("spawn_error", `the host could not use the model${tail}`, false, true);
  const full = /\b(ENOSPC|EROFS)\b/.exec(stderr)?.[1];
  if (full && exit.code !== 0) return fail(storageCause(full), `it ${how}${tail}`);
  // 128 + n is how a shell, and the host itself, report the end by signal n.
  if (exit.signal || (exit.code ?? 0) > 128) return fail("forced_exit", `it ${how}${tail}`);
  if (!wasReady && telemetry.finalText === "" && exit.code !== 0)
    return fail("aborted_before_session", `it ${how} before its session was open${tail}`);
  if (exit.code !== 0) return fail("self_exit", `it ${how}${tail}`);
  if (telemetry.error !== undefined) return providerFailed(telemetry.error);
  const noise = telemetry.noise > 0 ? `; ${telemetry.noise} lines were no protocol` : "";
  return telemetry.finalText.trim() === ""
    ? fail("hollow", `it ${how} without a result${noise}${tail}`)
    : undefined;
}

/** The cause that an errno stands for. */
export function storageCause(code: string): Cause {
  if (code === "ENOSPC" || code === "EDQUOT") return "disk_full";
  return code === "EROFS" ? "read_only" : "spawn_error";
}
