import type { Clock } from "../core/ports.ts";
import type { ProcessIdentity } from "../core/process.ts";
import { endTree, type ProcessTree, type ProcessWatch } from "../lib/process-tree.ts";
import type { Child } from "../lib/spawn.ts";
import type { Session } from "./session.ts";

/** How a worker is ended. */
export interface LadderTerms {
  readonly watch: ProcessWatch;
  readonly tree: ProcessTree;
  readonly clock: Clock;
  /** SIGTERM and SIGKILL after this, ms, counted from now. */
  readonly termAfterMs: number;
  readonly killAfterMs: number;
  /** Nothing runs in it: there is nothing to abort. */
  readonly isIdle: boolean;
  onSurvivors(processes: readonly ProcessIdentity[]): void;
}

/** How long the host may take to confirm that it stopped its tools, before its input is closed nonetheless. */
const abortMaxMs = 1_000;

/**
 * The ending ladder: abort over the protocol, close its input, SIGTERM, SIGKILL, and look until nothing of the tree is
 * left. Resolves only then. The rungs are skipped as soon as the child is gone; what it left behind gets SIGTERM at once.
 */
export async function endWorker(session: Session, child: Child, terms: LadderTerms): Promise<void> {
  const { clock, tree, watch, termAfterMs, killAfterMs, onSurvivors } = terms;
  const begun = clock.now();
  const exited = new AbortController();
  void child.exited.then(() => exited.abort());
  // Whoever is a descendant now stays known, even if it hides its environment and loses its parent in a moment: an
  // abort ends the tool that would lead us to it, and a tool may start one more until then.
  const remember = (): Promise<unknown> => watch.members(tree).catch(() => undefined);
  await remember();
  if (!terms.isIdle) {
    session.abort();
    const patience = clock.sleep(Math.min(abortMaxMs, termAfterMs / 2), exited.signal);
    await Promise.race([session.aborted, patience]);
    await remember();
  }
  child.endInput();
  await clock.sleep(begun + termAfterMs - clock.now(), exited.signal);

  const termAt = exited.signal.aborted ? clock.now() : begun + termAfterMs;
  await endTree(watch, tree, clock, { termAt, killAt: termAt + killAfterMs - termAfterMs, onSurvivors });
}
