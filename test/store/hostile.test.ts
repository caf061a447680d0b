import { chmod, chown, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { RunEngine, RunStore } from "../../src/core/ports.ts";
import { localEngine } from "../../src/engine/local-engine.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { openRunStore } from "../../src/store/run-store.ts";
import { completed, plan, task, terms } from "../support/plan.ts";
import { freshDirectory, somebody, taken } from "./places.ts";

const runId = "20261121-victim";
const other = "20261121-bystander";
const nobody = 65_534;

/** A store with a run in two segments that stands still, and a second run beside it. */
async function furnished(): Promise<{ store: RunStore; engine: RunEngine }> {
  const store = openRunStore(join(await freshDirectory(), ".muster"), { probe: async () => "gone" });
  let id = runId;
  const engine = localEngine({
    store,
    clock: systemClock,
    newRunId: () => id,
    launch: async () => undefined,
  });
  for (id of [runId, other]) {
    const { runId: _, ...rest } = terms();
    const submission = { plan: plan(task("t"), task("u")), terms: rest };
    await engine.submit(submission);
    const first = taken(await store.acquire(id, somebody, Date.now()));
    const at = Date.now();
    const started = { type: "run.started", request: "start", plan: submission.plan } as const;
    await first.append([{ ...started, terms: { ...rest, runId: id } }], at);
    await first.append([{ type: "attempt.started", task: "t", attempt: 1 }], at);
    await first.append([{ type: "attempt.ended", task: "t", attempt: 1, outcome: completed() }], at);
    await first.release();
    const second = taken(await store.acquire(id, somebody, Date.now()));
    await second.append([{ type: "attempt.started", task: "u", attempt: 1 }], at);
    await second.append([{ type: "run.parked", cause: "owner_gone", message: "it waits" }], at);
    await second.release();
    await store.inbox(id).discard(["start"]);
    const outcome = { v: 1, runId: id, task: "t", attempt: 1, at: "", outcome: completed() };
    await writeFile(
      join(await store.attempts(id).directory("t", 1), "outcome.json"),
      JSON.stringify(outcome),
    );
    await rm(join(store.root, "runs", id, "manifest.json"));
  }
  await engine.list();
  return { store, engine };
}

/** Everything that is told about the victim's files, one line each; and what is known of both runs. */
async function told(engine: RunEngine, store: RunStore): Promise<{ lines: string[]; known: unknown }> {
  const lines: string[] = [];
  const tell = async <T>(work: () => Promise<T>): Promise<T | string> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Error) || !/^(StorageError|RunNotFound)$/.test(error.name)) throw error;
      lines.push(error.message);
      return error.name;
    }
  };
  const listings = await tell(() => engine.list());
  for (const listing of Array.isArray(listings) ? listings : [])
    if ("problem" in listing) lines.push(`${listing.runId}: ${listing.problem}`);
  const examined = await tell(() => engine.examine(runId));
  for (const { where, message, remedy } of typeof examined === "string" ? [] : examined.findings)
    lines.push(`${where}: ${message}; ${remedy}`);
  const outcome = await tell(() => store.attempts(runId).readOutcome("t", 1));
  if (outcome === "unreadable") lines.push("outcome.json; look at it");
  const strays = await tell(() => engine.strays());
  for (const stray of Array.isArray(strays) ? strays : []) lines.push(`${stray}; it is no run`);
  return { lines, known: { listings, examined, outcome, events: await tell(() => store.read(runId)) } };
}

type Harm = (path: string) => Promise<unknown>;
const change =
  (how: (bytes: Buffer) => Buffer | string): Harm =>
  async (path) =>
    writeFile(path, how(await readFile(path)));
const replaced =
  (make: (path: string) => Promise<unknown>): Harm =>
  async (path) => {
    await rename(path, `${dirname(path)}/.aside`);
    await make(path);
  };

const fileHarms: Readonly<Record<string, Harm>> = {
  "torn tail": change((bytes) => Buffer.concat([bytes, Buffer.from('{"v":1,"seq":9')])),
  "bad line in the middle": change((bytes) => bytes.toString().replace(/"(seq|status|text|by)":/, '"sex":')),
  empty: change(() => ""),
  truncated: change((bytes) => bytes.subarray(0, Math.floor(bytes.length * 0.6))),
  binary: change((bytes) => Buffer.from(bytes.map((byte, at) => byte ^ (at * 7)))),
  "a newer schema": change((bytes) =>
    bytes
      .toString()
      .replaceAll(/"v":1,/g, '"v":2,')
      .replaceAll('"schemaVersion":1', '"schemaVersion":2'),
  ),
  "a directory in its place": replaced((path) => mkdir(path)),
  "a link out of the project": replaced((path) => symlink(join(dirname(path), ".aside"), path)),
  denied: (path) => chmod(path, 0),
  vanished: replaced(async () => undefined),
};
const directoryHarms: Readonly<Record<string, Harm>> = {
  "a file in its place": replaced((path) => writeFile(path, "x")),
  "a link out of the project": replaced((path) => symlink(join(dirname(path), ".aside"), path)),
  denied: (path) => chmod(path, 0),
  vanished: replaced(async () => undefined),
};
const files = {
  sealed: "journal/0001.jsonl",
  newest: "journal/0002.jsonl",
  manifest: "manifest.json",
  outcome: "attempts/t-1/outcome.json",
  request: "inbox/c.json",
} as const;
/** Where nothing is lost and nothing has to be told: what a reader sees is the same as before. */
const harmless: ReadonlySet<string> = new Set([
  ...["sealed torn tail", "newest torn tail", "request vanished", "outcome vanished"],
  // It is made again from the journal, or reads as before; but a directory is in the way.
  ...Object.keys(fileHarms)
    .filter((harm) => !harm.includes("directory"))
    .map((harm) => `manifest ${harm}`),
]);

/** Permissions mean nothing to root: the work is done as nobody, to whom everything here is given. */
async function unprivileged<T>(root: string, work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return work();
  for (const entry of await readdir(root, { recursive: true }))
    await chown(join(root, entry), nobody, nobody).catch(unlessMissing);
  await chown(root, nobody, nobody);
  await chown(dirname(root), nobody, nobody);
  process.seteuid?.(nobody);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

function unlessMissing(error: unknown): void {
  if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
}

const rows = [
  ...Object.entries(files).flatMap(([what, path]) =>
    Object.entries(fileHarms).map(([harm, does]) => ({ what, path: `runs/${runId}/${path}`, harm, does })),
  ),
  ...["", "runs", `runs/${runId}`, `runs/${runId}/journal`, `runs/${runId}/inbox`].flatMap((path) =>
    Object.entries(directoryHarms).map(([harm, does]) => ({ what: `.muster/${path}`, path, harm, does })),
  ),
];

describe("a harmed file", () => {
  it.each(rows)(
    "$what, $harm: told with its name and a remedy, never taken for empty, never removed, good again once it is back",
    async ({ what, path, harm, does }) => {
      const { store, engine } = await furnished();
      await store.inbox(runId).post({ id: "c", kind: "cancel", by: "me", reason: "" });
      const before = await told(engine, store);
      expect(before.lines).toEqual([]);
      const place = join(store.root, path);
      const isFile = path.includes(".json");
      const content = isFile ? await readFile(place) : undefined;
      onTestFinished(() => chmod(place, 0o700).catch(unlessMissing));
      const harmed = await unprivileged(store.root, async () => {
        await does(place);
        const trace = isFile && harm !== "denied" ? await readFile(place).catch(() => undefined) : undefined;
        if (what === "request") await store.inbox(runId).pending();
        const now = await told(engine, store);
        if (trace !== undefined && what !== "manifest") {
          const names = what === "request" ? [`${place}.bad`, place] : [place];
          const kept = await Promise.all(names.map((name) => readFile(name).catch(() => undefined)));
          expect(kept).toContainEqual(trace);
        }
        if (harm === "denied") await chmod(place, isFile ? 0o600 : 0o700);
        return now;
      });
      if (harmless.has(`${what} ${harm}`)) expect(harmed.lines).toEqual([]);
      else {
        const about = harmed.lines.filter((line) => line.includes(basename(path) || ".muster"));
        const isJournalEnd = harmed.lines.some((line) => /journal.* ends at record/.test(line));
        const isGone = !isFile && harm === "vanished";
        if (!isGone) expect(about.length > 0 || isJournalEnd, harmed.lines.join("\n")).toBe(true);
        for (const line of harmed.lines) expect(line).toMatch(/;|\. |no run/);
        expect(harmed.known).not.toEqual(before.known);
      }
      // The other run is as it was, wherever there is still a way to it.
      if (what.startsWith(".muster/") && !path.includes(runId)) expect(harmed.lines).not.toEqual([]);
      else expect(harmed.known).toMatchObject({ listings: expect.arrayContaining([listingOf(before)]) });

      if (harm !== "denied") {
        for (const name of [place, `${place}.bad`]) await rm(name, { recursive: true, force: true });
        if (content !== undefined) await writeFile(place, content);
        else await rename(join(dirname(place), ".aside"), place);
        await rm(join(dirname(place), ".aside"), { recursive: true, force: true });
      }
      expect(await told(engine, store)).toEqual(before);
    },
  );
});

function listingOf({ known }: { known: unknown }): unknown {
  const { listings } = known as { listings: readonly { runId: string }[] };
  return listings.find((listing) => listing.runId === other);
}
