/** Milliseconds, two units at most: "0s", "42s", "1m05s", "2h03m", "3d04h". What is no duration is "0s". */
export function formatDuration(ms: number): string {
  const seconds = Number.isFinite(ms) && ms > 0 ? Math.floor(ms / 1_000) : 0;
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h${two((seconds / 60) % 60)}m`;
  return `${Math.floor(seconds / 86_400)}d${two((seconds / 3_600) % 24)}h`;
}

/** "↑12k ↓1.3k R40k W2k $0.012": tokens in, out, read from and written to caches, US dollars; nothing counted yields "". */
export function formatUsage(usage: {
  readonly input?: number;
  readonly output?: number;
  readonly cacheRead?: number;
  readonly cacheWrite?: number;
  readonly cost?: number;
}): string {
  const { input = 0, output = 0, cacheRead = 0, cacheWrite = 0, cost = 0 } = usage;
  const counted = Object.entries({ "↑": input, "↓": output, R: cacheRead, W: cacheWrite });
  const tokens = counted.map(([sign, count]) => (count > 0 ? `${sign}${formatCount(count)}` : ""));
  return [...tokens, cost > 0 ? formatCost(cost) : ""].filter(Boolean).join(" ");
}

/** US dollars: three decimals below ten cents, two above. */
export function formatCost(dollars: number): string {
  return `$${dollars.toFixed(dollars < 0.1 ? 3 : 2)}`;
}

/** 950, 1.2k, 34k, 1.2M. */
export function formatCount(count: number): string {
  if (count < 1_000) return String(Math.round(count));
  if (count < 9_950) return `${(count / 1_000).toFixed(1)}k`;
  if (count < 999_500) return `${Math.round(count / 1_000)}k`;
  return `${(count / 1_000_000).toFixed(1)}M`;
}

/** "2 completed, 1 failed": what there is any of. */
export function formatCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([status, count]) => `${count} ${status}`)
    .join(", ");
}

/** "failed (timeout)"; a cause that says the same as the status is left out. */
export function formatStatus(of: { readonly status: string; readonly cause?: string }): string {
  return of.cause === undefined || of.cause === of.status ? of.status : `${of.status} (${of.cause})`;
}

const quietTellingMs = 30_000;

/** "quiet for 3m02s, nudged 1m04s ago"; "" for who gave a sign of life in the last half minute. `now` and instants in ms. */
export function formatQuiet(
  of: { readonly lastSignAt: number; readonly escalation?: { readonly step: string; readonly at: number } },
  now: number,
): string {
  const { lastSignAt, escalation } = of;
  if (escalation === undefined && now - lastSignAt < quietTellingMs) return "";
  const quiet = `quiet for ${formatDuration(now - lastSignAt)}`;
  if (escalation === undefined) return quiet;
  return `${quiet}, ${formatStep(escalation.step)} ${formatDuration(now - escalation.at)} ago`;
}

/** What was done to a silent worker: "nudged", "turn aborted". */
export function formatStep(step: string): string {
  return step === "nudge" ? "nudged" : "turn aborted";
}

/** How far an attempt came: "worked, last seen at "bash npm test"". */
export function formatPoint(point: {
  readonly kind: string;
  readonly pid?: number;
  readonly activity?: string;
  readonly step?: string;
  readonly quietMs?: number;
}): string {
  switch (point.kind) {
    case "started":
      return "allocated, never spawned";
    case "spawned":
      return `spawned as pid ${point.pid}, never became ready`;
    case "ready":
      return "became ready, showed no activity";
    case "worked":
      return `worked, last seen at "${oneLine(point.activity ?? "", 100)}"`;
    default:
      return `${formatStep(point.step ?? "")} after ${formatDuration(point.quietMs ?? 0)} without a sign of life`;
  }
}

/** How an attempt ended: "failed (timeout): no answer came". */
export function formatOutcome(of: {
  readonly kind: string;
  readonly cause?: string;
  readonly message?: string;
}): string {
  return of.cause === undefined ? of.kind : `${of.kind} (${of.cause}): ${oneLine(of.message ?? "", 500)}`;
}

/** "Estimate: about 3m05s, ↑120k ↓9k $0.12 (medians of 12 finished tasks of these agents in 3 runs)". */
export function formatEstimate(of: {
  readonly ms: number;
  readonly input: number;
  readonly output: number;
  readonly cost: number;
  readonly tasks: number;
  readonly runs: number;
}): string {
  const { input, output, cost } = of;
  const taken = [formatDuration(of.ms), formatUsage({ input, output, cost })].filter(Boolean).join(", ");
  return `Estimate: about ${taken} (medians of ${countOf(of.tasks, "finished task")} of these agents in ${countOf(of.runs, "run")})`;
}

/** "1 task", "2 tasks". */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** One line: white space folded, cut to `max` characters. */
export function oneLine(text: string, max: number): string {
  const start = text.slice(0, max * 4);
  const folded = start.replace(/\s+/g, " ").trim();
  return folded.length <= max ? folded : `${folded.slice(0, max - 1)}…`;
}
