import { errnoOf } from "./files.ts";
import { type Identity, identityOf, ownIdentity } from "./identity.ts";
import { inBatches, type ProcessRow, readProcessEnvironment, readProcessTable } from "./process-table.ts";

/**
 * A set of processes that belong together: those that carry all the marks in their environment, those known by
 * identity, their descendants, and the sessions they lead. What is found once stays known, so that a process that
 * scrubs its environment or is adopted by init is still recognised. What escapes: a process that scrubbed its
 * environment *and* left the session *and* lost its parent before any look was taken.
 */
export interface ProcessTree {
  /** `NAME=value`; all of them are carried by a member. Empty: only known processes and what follows from them. */
  readonly marks: readonly string[];
  /** Members by `pid:startTime`; grows with every look. */
  readonly known: Map<string, Identity>;
  /** Never members, whatever they carry. */
  readonly exempt: ReadonlySet<number>;
}

/** Looks at the process table on behalf of many trees at once. */
export interface ProcessWatch {
  /** Every living member, seen in a table read entirely after this call. Throws when the table cannot be read. */
  members(tree: ProcessTree): Promise<readonly Identity[]>;
}

/** A tree of everything that carries the marks, with some members known already. */
export function processTree(
  marks: readonly string[],
  known: readonly Identity[] = [],
  exempt: Iterable<number> = [process.pid],
): ProcessTree {
  return { marks, known: new Map(known.map((one) => [key(one), one])), exempt: new Set(exempt) };
}

/** How long a line about an older process is taken as still true, ms. No pid is used up and given out again so fast. */
const unchangedMs = 1_000;

/**
 * A watch whose concurrent looks share one reading of the table. With `now` (ms) it is for trees that this process
 * itself started: older processes cannot belong to them and are not looked at again within a second.
 */
export function createProcessWatch(now?: () => number): ProcessWatch {
  const environments = new Map<string, readonly string[]>();
  let self: Promise<Identity> | undefined;
  let older: ReadonlyMap<number, ProcessRow> = new Map();
  let readAt = Number.NEGATIVE_INFINITY;
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<Reading> | undefined;

  const read = async (): Promise<Reading> => {
    self ??= ownIdentity();
    const own = await self;
    const at = now?.() ?? 0;
    const unchanged = now && Math.abs(at - readAt) < unchangedMs ? older : undefined;
    const rows = await readProcessTable(unchanged);
    readAt = at;
    older = new Map([...rows].filter(([, row]) => Number(row.startTime) < Number(own.startTime)));
    const changed = [...rows.values()].filter((row) => unchanged?.get(row.pid) !== row);
    await inBatches(changed, (row) => rememberMarks(row, environments));
    const living = new Set([...rows.values()].map(key));
    for (const known of environments.keys()) if (!living.has(known)) environments.delete(known);
    return { rows, environments, bootId: own.bootId };
  };
  /** A reading that began before the call may have missed what the caller asks about, so the next one is taken. */
  const reading = (): Promise<Reading> => {
    next ??= running.then(() => {
      next = undefined;
      const begun = read();
      running = begun.catch(() => undefined);
      return begun;
    });
    return next;
  };
  return {
    async members(tree) {
      return findMembers(tree, await reading());
    },
  };
}

/** Ids of this process and of everything above it. */
export async function selfAndAncestors(): Promise<readonly number[]> {
  const rows = await readProcessTable();
  const chain: number[] = [];
  for (let pid: number | undefined = process.pid; pid !== undefined && pid > 0 && !chain.includes(pid); ) {
    chain.push(pid);
    pid = rows.get(pid)?.ppid;
  }
  return chain;
}

/** Sends a signal to each process that still has its recorded identity, looked up right before. */
export async function signalProcesses(
  processes: readonly Identity[],
  signal: "SIGTERM" | "SIGKILL",
): Promise<void> {
  await Promise.all(
    processes.map(async (recorded) => {
      const now = await identityOf(recorded.pid);
      if (now?.startTime !== recorded.startTime) return;
      try {
        process.kill(recorded.pid, signal);
      } catch (error) {
        // Gone since (ESRCH), or not ours to signal (EPERM): the next look tells which.
        if (!["ESRCH", "EPERM"].includes(errnoOf(error) ?? "")) throw error;
      }
    }),
  );
}

/** Pauses between two looks; the port of `core/ports.ts` fits. */
export interface Pause {
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** When an ending turns from asking to killing, and who hears of what resists. Milliseconds since the epoch. */
export interface EndingTerms {
  readonly termAt: number;
  readonly killAt: number;
  /** Called at most once in `reportEveryMs` with what outlived SIGKILL. */
  readonly onSurvivors?: (processes: readonly Identity[]) => void;
  /** Aborting gives up; the rest is returned. */
  readonly signal?: AbortSignal;
}

const pauseMinMs = 20;
const pauseMaxMs = 500;
/** Death by SIGKILL takes the kernel a moment; only what is still there after this is called a survivor. */
const survivorAfterMs = 1_000;
const reportEveryMs = 5_000;

/**
 * Ends every member of the tree and resolves only when two looks in a row found none: SIGTERM once each after
 * `termAt`, SIGKILL again and again after `killAt`. While the process table cannot be read nothing counts as gone.
 * Yields what was left when `terms.signal` aborted; else nothing.
 */
export async function endTree(
  watch: ProcessWatch,
  tree: ProcessTree,
  clock: Pause,
  terms: EndingTerms,
): Promise<readonly Identity[]> {
  const asked = new Set<string>();
  let reportAt = Math.max(terms.killAt, clock.now()) + survivorAfterMs;
  let pause = pauseMinMs;
  for (let emptyLooks = 0; emptyLooks < 2; ) {
    // Unreadable now (too many open files, or the like), the table may be readable at the next look.
    const members = await watch.members(tree).catch(() => undefined);
    if (terms.signal?.aborted) return members ?? [...tree.known.values()];
    emptyLooks = members?.length === 0 ? emptyLooks + 1 : 0;
    if (emptyLooks > 0) continue;
    const now = clock.now();
    if (members && now >= terms.killAt) {
      await signalProcesses(members, "SIGKILL");
      if (now >= reportAt) {
        reportAt = now + reportEveryMs;
        terms.onSurvivors?.(members);
      }
    } else if (members && now >= terms.termAt) {
      const unasked = members.filter((one) => !asked.has(key(one)));
      await signalProcesses(unasked, "SIGTERM");
      for (const one of unasked) asked.add(key(one));
    }
    const deadlines = [terms.termAt, terms.killAt].map((at) => at - clock.now()).filter((left) => left > 0);
    await clock.sleep(Math.min(pause, ...deadlines), terms.signal);
    pause = Math.min(pause * 2, pauseMaxMs);
  }
  return [];
}

interface Reading {
  readonly rows: ReadonlyMap<number, ProcessRow>;
  /** Our own variables in each process's environment, by `pid:startTime`. */
  readonly environments: ReadonlyMap<string, readonly string[]>;
  readonly bootId: string;
}

function findMembers(tree: ProcessTree, reading: Reading): readonly Identity[] {
  const found = new Map<number, Identity>();
  const add = (row: ProcessRow): void => {
    const identity = { pid: row.pid, startTime: row.startTime, bootId: reading.bootId };
    found.set(row.pid, identity);
    tree.known.set(key(identity), identity);
  };
  const candidates = [...reading.rows.values()].filter((row) => !tree.exempt.has(row.pid));
  for (const row of candidates) if (isMember(tree, row, reading)) add(row);
  for (let before = -1; before < found.size; ) {
    before = found.size;
    const sessions = sessionsLed(tree, reading);
    for (const row of candidates) {
      if (found.has(row.pid)) continue;
      if (found.has(row.ppid) || sessions.has(row.session)) add(row);
    }
  }
  forgetTheDead(tree, reading);
  return [...found.values()];
}

/** A member that is gone, with nothing left in its session, has no more to tell; its pid may mean a stranger soon. */
function forgetTheDead(tree: ProcessTree, reading: Reading): void {
  const living = new Set([...reading.rows.values()].map(key));
  const sessions = new Set([...reading.rows.values()].map((row) => row.session));
  for (const [name, member] of tree.known) {
    if (!living.has(name) && !sessions.has(member.pid)) tree.known.delete(name);
  }
}

/** It carries all the marks, or it is known. */
function isMember(tree: ProcessTree, row: ProcessRow, reading: Reading): boolean {
  if (tree.known.get(key(row))?.bootId === reading.bootId) return true;
  const carried = reading.environments.get(key(row)) ?? [];
  return tree.marks.length > 0 && tree.marks.every((mark) => carried.includes(mark));
}

/** Sessions begun by a member. The kernel does not reuse a pid that is still a session's id, so no stranger is in them. */
function sessionsLed(tree: ProcessTree, reading: Reading): ReadonlySet<number> {
  const led = new Set<number>();
  for (const member of tree.known.values()) {
    const holder = reading.rows.get(member.pid);
    const recycled = holder !== undefined && holder.startTime !== member.startTime;
    if (member.bootId === reading.bootId && !recycled && !tree.exempt.has(member.pid)) led.add(member.pid);
  }
  return led;
}

/** An environment never gains our marks after exec, so each process is asked once; one without any yet is asked again. */
async function rememberMarks(row: ProcessRow, environments: Map<string, readonly string[]>): Promise<void> {
  if (environments.has(key(row))) return;
  const lines = await readProcessEnvironment(row.pid);
  if (lines)
    environments.set(
      key(row),
      lines.filter((line) => line.startsWith("PI_MUSTER_")),
    );
}

function key(one: { readonly pid: number; readonly startTime: string }): string {
  return `${one.pid}:${one.startTime}`;
}
