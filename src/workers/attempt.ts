import type { AttemptOutcome, Cause } from "../core/outcome.ts";
import type { Clock, Work, Worker } from "../core/ports.ts";
import { identityOf } from "../lib/identity.ts";
import { keepAlive } from "../lib/keep-alive.ts";
import { type ProcessTree, type ProcessWatch, processTree } from "../lib/process-tree.ts";
import { SpawnFailure } from "../lib/spawn.ts";
import { type Conclude, conclude, confirm, type Evidence, storageEnding } from "./conclusion.ts";
import { endWorker } from "./ending.ts";
import type { Ending } from "./outcome.ts";
import { type Preparation, type Prepared, prepare } from "./preparation.ts";
import { protocolReader } from "./protocol.ts";
import { openSession, type Session } from "./session.ts";
import { type SignalQueue, signalQueue } from "./signals.ts";

/** What attempts are performed with. */
export interface AttemptMeans extends Conclude {
  readonly preparation: () => Promise<Preparation>;
  readonly watch: ProcessWatch;
  readonly redactValue: (value: unknown) => unknown;
  /**
   * The tree is looked at from now on while a tool runs, so that processes which hide later are known; call the result
   * to stop.
   */
  readonly observe: (tree: ProcessTree, runsTool: () => boolean) => () => void;
  readonly clock: Clock;
}

/** Starts one attempt. `mark` is its PI_MUSTER_WORKER. */
export function startAttempt(work: Work, mark: string, means: AttemptMeans): Worker {
  const signals = signalQueue(means.clock);
  const stop = new AbortController();
  let cause: Cause | undefined;
  const stopped = new Promise<Ending>((resolve) => {
    stop.signal.addEventListener("abort", () => resolve({ by: "stop", cause: cause ?? "cancelled" }));
  });
  const release = keepAlive();
  const outcome = perform({
    work,
    mark,
    means,
    signals,
    stopped,
    isStopped: () => stop.signal.aborted,
  }).finally(() => {
    signals.close();
    release();
  });
  return {
    signals,
    outcome,
    stop(why) {
      cause ??= why;
      stop.abort();
    },
  };
}

interface Performance {
  readonly work: Work;
  readonly mark: string;
  readonly means: AttemptMeans;
  readonly signals: SignalQueue;
  readonly stopped: Promise<Ending>;
  isStopped(): boolean;
}

async function perform(on: Performance): Promise<AttemptOutcome> {
  const { work, mark, means, stopped } = on;
  let prepared: Prepared;
  try {
    const preparation = await means.preparation();
    prepared = await prepare(work, mark, preparation);
  } catch (error) {
    return await withoutProcess(on, storageEnding(error));
  }
  try {
    if (on.isStopped()) return await withoutProcess(on, await stopped);
    return await converse(on, prepared);
  } catch (error) {
    const ending: Ending =
      error instanceof SpawnFailure
        ? { by: "spawn", message: error.message, code: error.code }
        : storageEnding(error);
    return await withoutProcess(on, ending);
  } finally {
    await prepared.discard();
  }
}

async function withoutProcess({ work, means }: Performance, ending: Ending): Promise<AttemptOutcome> {
  const evidence = { ending, telemetry: protocolReader().telemetry(), stderr: "" };
  return (await conclude(work, evidence, means)).outcome;
}

async function converse(on: Performance, prepared: Prepared): Promise<AttemptOutcome> {
  const { work, mark, means, signals } = on;
  const { limits } = work.settings;
  const session = await open(on, prepared);
  const identity = await identityOf(session.child.pid);
  if (identity) signals.push({ kind: "spawned", worker: identity, mark });
  const tree = processTree([`PI_MUSTER_WORKER=${mark}`], identity ? [identity] : []);
  const unobserve = means.observe(tree, () => session.telemetry().tool !== undefined);
  try {
    const ending = await Promise.race([session.ended, on.stopped]);
    const end = (): Promise<void> =>
      endWorker(session, {
        watch: means.watch,
        tree,
        clock: means.clock,
        isIdle: ending.by === "settled",
        termAfterMs: limits.termAfterMs,
        killAfterMs: limits.killAfterMs,
        onSurvivors: (processes) => signals.push({ kind: "survivors", processes }),
      });
    const evidence = (): Evidence => ({
      ending,
      telemetry: session.telemetry(),
      stderr: session.errorTail(),
    });
    if (ending.by !== "settled") {
      // What was submitted before the end counts, so the end comes first and the reading after it.
      await end();
      await session.gone;
      await session.close();
      return (await conclude(work, evidence(), means)).outcome;
    }
    const conclusion = await conclude(work, evidence(), means);
    await end();
    await session.close();
    return await confirm(work, conclusion, means);
  } finally {
    unobserve();
  }
}

function open({ work, means, signals }: Performance, prepared: Prepared): Promise<Session> {
  const session: Promise<Session> = openSession({
    program: prepared.program,
    directory: work.directory,
    prompt: prepared.prompt,
    transcriptMaxBytes: work.settings.limits.transcriptMaxBytes,
    asksState: prepared.asksState,
    redact: means.redact,
    redactValue: means.redactValue,
    clock: means.clock,
    onReady() {
      signals.push({ kind: "ready" });
      void prepared.discard();
    },
    onLife(telemetry) {
      signals.moved(() => {
        const { usage, tool, activity, waitsUntil } = telemetry();
        return {
          kind: "progress",
          usage,
          activity: means.redact(activity),
          ...(tool !== undefined ? { tool } : {}),
          ...(waitsUntil !== undefined ? { waitsUntil } : {}),
        };
      });
    },
  });
  return session;
}
