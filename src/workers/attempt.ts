import type { AttemptOutcome, Cause } from "../core/outcome.ts";
import type { Work, Worker } from "../core/worker.ts";
import { identityOf } from "../lib/identity.ts";
import { keepAlive } from "../lib/keep-alive.ts";
import { untilDiskTakes } from "../lib/patience.ts";
import { processTree } from "../lib/process-tree.ts";
import { type Child, SpawnFailure } from "../lib/spawn.ts";
import { conclude, confirm } from "./conclusion.ts";
import { Correspondence } from "./correspondence.ts";
import { endWorker } from "./ending.ts";
import type { Means } from "./means.ts";
import { type Ending, storageEnding } from "./outcome.ts";
import { type Prepared, prepare } from "./preparation.ts";
import { ProtocolReader } from "./protocol.ts";
import { Session } from "./session.ts";
import { type SignalQueue, signalQueue } from "./signals.ts";

/** Starts one attempt. `mark` is its PI_MUSTER_WORKER. */
export function startAttempt(work: Work, mark: string, means: Means): Worker {
  const signals = signalQueue(means.clock);
  let stop: (cause: Cause) => void = () => undefined;
  let isStopped = false;
  const stopped = new Promise<Ending>((resolve) => {
    stop = (cause) => {
      isStopped = true;
      resolve({ by: "stop", cause });
    };
  });
  const release = keepAlive();
  let session: Session | undefined;
  const onSession = (opened: Session): void => {
    session = opened;
  };
  const mail = new Correspondence(work, signals, means.redactor);
  const on = { work, mark, means, signals, mail, stopped, isStopped: () => isStopped, onSession };
  const outcome = perform(on).finally(() => {
    signals.close();
    release();
  });
  return {
    signals,
    outcome,
    stop: (cause) => stop(cause),
    escalate: (step) => session?.escalate(step),
    deliver: (letters) => mail.deliver(letters),
    acknowledge: (id, refusal) => mail.acknowledge(id, refusal),
  };
}

interface Performance {
  readonly work: Work;
  readonly mark: string;
  readonly means: Means;
  readonly signals: SignalQueue;
  readonly mail: Correspondence;
  readonly stopped: Promise<Ending>;
  isStopped(): boolean;
  onSession(session: Session): void;
}

async function perform(on: Performance): Promise<AttemptOutcome> {
  let prepared: Prepared | undefined;
  try {
    const { work, mark, means } = on;
    prepared = await untilDiskTakes(
      () => prepare(work, mark, means),
      means.clock.sleep,
      () => on.isStopped(),
    );
    return on.isStopped() ? await withoutProcess(on, await on.stopped) : await converse(on, prepared);
  } catch (error) {
    const ending: Ending =
      error instanceof SpawnFailure
        ? { by: "spawn", message: error.message, code: error.code }
        : storageEnding(error);
    return await withoutProcess(on, ending);
  } finally {
    await prepared?.discard();
  }
}

async function withoutProcess(on: Performance, ending: Ending): Promise<AttemptOutcome> {
  const { work, means } = on;
  const evidence = { ending, telemetry: new ProtocolReader(means.redactor).telemetry, stderr: "" };
  return (await conclude(work, evidence, { ...means, isStopped: () => on.isStopped() })).outcome;
}

async function converse(on: Performance, prepared: Prepared): Promise<AttemptOutcome> {
  const { work, mark, means, signals, mail } = on;
  const tools = { ...means, isStopped: () => on.isStopped() };
  const session = new Session(work, prepared, means, signals, mail);
  on.onSession(session);
  const child: Child = await session.open();
  const identity = await identityOf(child.pid);
  if (identity) signals.push({ kind: "spawned", worker: identity, mark });
  const tree = processTree([`PI_MUSTER_WORKER=${mark}`], identity ? [identity] : []);
  const unobserve = means.observe(tree, () => session.tool !== undefined);
  try {
    const ending = await Promise.race([session.ended, on.stopped]);
    const { termAfterMs, killAfterMs } = work.settings.limits;
    const end = (isIdle: boolean): Promise<void> =>
      endWorker(session, child, {
        ...means,
        tree,
        termAfterMs,
        killAfterMs,
        isIdle,
        onSurvivors: (processes) => signals.push({ kind: "survivors", processes }),
      });
    if (ending.by === "settled") {
      const evidence = session.evidence(ending);
      const conclusion = await conclude(work, evidence, tools);
      await end(true);
      await session.close();
      return await confirm(work, conclusion, evidence, tools);
    }
    // What was submitted before the end counts, so the end comes first and the reading after it.
    await end(false);
    await session.gone;
    await session.close();
    return (await conclude(work, session.evidence(ending), tools)).outcome;
  } finally {
    unobserve();
  }
}
