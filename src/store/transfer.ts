import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { decide } from "../core/decide.ts";
import { effects } from "../core/effects.ts";
import type { RunEvent, StoredEvent } from "../core/events.ts";
import { evolveTo, fold } from "../core/evolve.ts";
import { type Bundle, HistoryRefused, type ImportTerms } from "../core/history.ts";
import { invariant } from "../core/invariant.ts";
import { manifestOf } from "../core/manifest.ts";
import type { AttemptOutcome } from "../core/outcome.ts";
import type { Clock } from "../core/ports.ts";
import type { ProcessIdentity } from "../core/process.ts";
import { attemptKey, type RunState } from "../core/state.ts";
import { isFinalRun } from "../core/status.ts";
import { makeDirectory, plainText, writeAtomic } from "../lib/files.ts";
import { redactFreeText } from "../lib/free-text.ts";
import { isRecord, parseObject } from "../lib/json.ts";
import { openAttemptFiles } from "./attempt-files.ts";
import { type BundleEnd, type Content, hasPlace, plainFiles, readBundle, writeBundle } from "./bundle.ts";
import { JournalCursor } from "./journal-cursor.ts";
import { encodeLine } from "./journal-line.ts";
import { takeLease } from "./lease.ts";
import { writeManifestFile } from "./manifest-file.ts";
import type { RunDirectory } from "./run-directory.ts";
import { segmentName } from "./segments.ts";

/** What carrying runs depends on. */
export interface TransferParts {
  readonly clock: Clock;
  readonly redact: (text: string) => string;
  readonly self: () => Promise<ProcessIdentity>;
}

const biggestShown = 3;

/** Writes the run as it stands at its last durable record to a new file; its requests and processes stay behind. */
export async function exportRun(
  run: RunDirectory,
  to: string,
  terms: { readonly by: string; readonly maxBytes: number },
  { clock, redact }: TransferParts,
): Promise<Bundle> {
  const { events, problem } = await new JournalCursor(run.journal).rest();
  if (problem !== undefined) throw new HistoryRefused(problem.where, problem.message, problem.remedy);
  const state = fold(events);
  const manifest = manifestOf(state, false);
  if (state.status === "queued" || manifest === undefined)
    throw new HistoryRefused(
      run.runId,
      "no driver has taken it yet: there is nothing to export",
      "wait until it runs",
    );
  const journal = journalOf(events, redact);
  const leftOut: string[] = [];
  const files: { readonly path: string; readonly bytes: number }[] = [];
  for await (const file of plainFiles(run.path, (path, why) => leftOut.push(`${path} ${why}`)))
    if (/^(?:attempts|artifacts)\/|^runner\.log$/.test(file.path)) {
      if (isTemporary(file.path)) leftOut.push(`${file.path} is being written`);
      else if (!hasPlace(file.path)) leftOut.push(`${file.path} has a name that not every system takes`);
      else files.push(file);
    }
  requireRoom(
    run.runId,
    [...journal.map(({ path, content }) => ({ path, bytes: content.length })), ...files],
    terms,
  );
  async function* contents(): AsyncGenerator<Content> {
    yield* journal;
    for (const { path } of files) yield cleaned(path, await readFile(join(run.path, path)), redact);
  }
  const header = {
    ...{ runId: run.runId, at: new Date(clock.now()).toISOString(), by: terms.by },
    ...{ snapshot: !isFinalRun(state.status), manifest: redactFreeText(manifest, redact) },
  };
  const written = await writeBundle(to, header, contents(), leftOut);
  return {
    header: { kind: "pi-muster bundle", v: 1, schemaVersion: 1, ...header },
    files: written,
    leftOut,
    extensions: [],
  };
}

function isTemporary(path: string): boolean {
  return /(?:^|\/)\.[^/]*\.tmp$/.test(path);
}

function requireRoom(
  runId: string,
  files: readonly { readonly path: string; readonly bytes: number }[],
  { maxBytes }: { readonly maxBytes: number },
): void {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes <= maxBytes) return;
  const biggest = [...files].sort((a, b) => b.bytes - a.bytes).slice(0, biggestShown);
  const shown = biggest.map((file) => `${file.path} (${file.bytes})`).join(", ");
  const message = `it has ${bytes} bytes, more than export.maxBytes (${maxBytes}); the biggest: ${shown}`;
  throw new HistoryRefused(runId, message, `set export.maxBytes to at least ${bytes}`);
}

/** The segments written anew, so that they end with the last durable record and every seal fits what stands before it. */
function journalOf(events: readonly StoredEvent[], redact: (text: string) => string): readonly Content[] {
  const segments: { readonly lines: string[]; redacted: boolean }[] = [];
  const contentAt = (index: number): Buffer => Buffer.from(segments[index]?.lines.join("") ?? "");
  for (const event of events) {
    while (segments.length < event.epoch) segments.push({ lines: [], redacted: false });
    const segment = segments[event.epoch - 1];
    invariant(segment !== undefined, `there is no epoch ${event.epoch}`);
    const clean = redactFreeText(event, redact);
    const sealed = () =>
      segments
        .slice(0, event.epoch - 1)
        .map((_, index) => ({ segment: segmentName(index + 1), bytes: contentAt(index).length }));
    segment.lines.push(encodeLine(clean.type === "lease.taken" ? { ...clean, sealed: sealed() } : clean));
    segment.redacted ||= clean.type !== "lease.taken" && JSON.stringify(clean) !== JSON.stringify(event);
  }
  return segments.map(({ redacted }, index) => ({
    ...{ path: `journal/${segmentName(index + 1)}`, content: contentAt(index) },
    ...(redacted && { redacted }),
  }));
}

/** Looked through for secrets once more, by what this session knows of them. */
function cleaned(path: string, content: Buffer, redact: (text: string) => string): Content {
  const text = plainText(content);
  if (text === undefined) return { path, content };
  const clean = path.endsWith("/outcome.json") ? cleanOutcome(text, redact) : redact(text);
  return clean === text ? { path, content } : { path, content: Buffer.from(clean), redacted: true };
}

/** Texts in it only: its hashes and ids must stay what they are. */
function cleanOutcome(text: string, redact: (text: string) => string): string {
  try {
    const value: unknown = JSON.parse(text);
    const clean = JSON.stringify(redactFreeText(value, redact));
    return clean === JSON.stringify(value) ? text : `${clean}\n`;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return redact(text);
  }
}

/** Reads the bundle to its end; everything in it is what it says. Nothing is made. */
export async function inspectBundle(
  path: string,
  maxBytes: number,
): Promise<Bundle & Pick<BundleEnd, "sha256">> {
  let header: Bundle["header"] | undefined;
  let end: BundleEnd | undefined;
  let extensions: readonly string[] = [];
  for await (const part of readBundle(path, maxBytes)) {
    if ("kind" in part) header = part;
    else if ("files" in part) end = part;
    else if (part.path.startsWith("journal/")) extensions = [...extensions, ...extensionsIn(part.content)];
  }
  invariant(header !== undefined && end !== undefined, `${path} was read to its end`);
  return { header, ...end, extensions };
}

/** What the agents of the plan in this segment load, where it holds one. */
function extensionsIn(segment: Buffer): readonly string[] {
  for (const line of segment.toString("utf8").split("\n")) {
    const { type, plan } = parseObject(line) ?? {};
    if (type !== "run.started" || !isRecord(plan) || !isRecord(plan.agents)) continue;
    const named = Object.values(plan.agents).map((agent) => (isRecord(agent) ? agent.extensions : []));
    return [...new Set(named.flat().map(String))];
  }
  return [];
}

/**
 * Fills a run's directory, which nobody sees yet, from a bundle: verifies the journal as every reader does, and records
 * who brought it here. A run that was not over stands still, and what was in progress is settled by its outcome files.
 */
export async function unpack(
  bundle: string,
  sha256: string,
  fresh: RunDirectory,
  terms: ImportTerms,
  { clock, redact, self }: TransferParts,
): Promise<void> {
  const refuse = (message: string): never => {
    throw new HistoryRefused(bundle, message, "export the run again with the version that ran it");
  };
  for await (const part of readBundle(bundle, terms.maxBytes)) {
    if ("files" in part && part.sha256 !== sha256) refuse("it changed while it was read");
    if (!("content" in part)) continue;
    const path = join(fresh.path, part.path);
    await makeDirectory(dirname(path));
    await writeAtomic(path, part.content, { durable: false });
  }
  const { problem, events } = await new JournalCursor(fresh.journal).rest();
  if (problem !== undefined) refuse(`its journal cannot be trusted: ${problem.message}`);
  const before = foldedOr(events, refuse);
  if (before.status === "queued" || before.terms.runId !== fresh.runId)
    refuse(`its journal is not that of ${fresh.runId}`);
  const at = clock.now();
  const clean = <T>(value: T): T => redactFreeText(value, redact);
  // Whoever held the lease there holds nothing here.
  const lease = await takeLease(
    fresh.journal,
    { holder: await self(), at },
    { clock, redact: clean, probe: async () => "gone" },
  );
  invariant(!("heldBy" in lease), "a journal that nobody else knows has no holder");
  try {
    const { owner, cwd, trusted, settings, reason } = terms;
    const imported: RunEvent = {
      type: "run.imported",
      bundle: sha256,
      reason,
      owner,
      cwd,
      trusted,
      settings,
    };
    const held = fold(lease.history.slice(events.length), before);
    const stored = await lease.append(settled(held, imported, await salvage(fresh, held), at), at);
    const manifest = manifestOf(fold(stored, held), false);
    invariant(manifest !== undefined, "a started run has a manifest");
    await writeManifestFile(fresh.manifest, clean(manifest));
  } finally {
    await lease.release();
  }
}

/** Checksums tell damage, not whether the records make sense. */
function foldedOr(events: readonly StoredEvent[], refuse: (message: string) => never): RunState {
  try {
    return fold(events);
  } catch (error) {
    return refuse(`its journal is impossible: ${error instanceof Error ? error.message : error}`);
  }
}

/** The import, and the end of every attempt whose worker stayed behind: as its outcome file says, else lost. */
function settled(
  state: RunState,
  imported: RunEvent,
  salvaged: ReadonlyMap<string, AttemptOutcome>,
  at: number,
): readonly RunEvent[] {
  const here = evolveTo(state, imported, state.epoch, at);
  return [imported, ...decide(here, { kind: "take_over", salvaged, at }, { workers: 0, writer: false })];
}

async function salvage(fresh: RunDirectory, state: RunState): Promise<ReadonlyMap<string, AttemptOutcome>> {
  const files = openAttemptFiles(fresh, async () => undefined);
  const found = new Map<string, AttemptOutcome>();
  for (const { task, attempt } of effects(state)) {
    const record = await files.readOutcome(task, attempt);
    if (record !== undefined && record !== "unreadable") found.set(attemptKey(task, attempt), record.outcome);
  }
  return found;
}
