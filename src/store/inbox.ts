import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Request } from "../core/commands.ts";
import type { Clock, FileProblem, Inbox } from "../core/ports.ts";
import { errnoOf, exists, readIfExists, sweepTemporaries, writeAtomic } from "../lib/files.ts";
import { type Json, membersOf, parseObject } from "../lib/json.ts";
import { watchDirectory } from "../lib/watch.ts";
import { onDisk } from "./disk.ts";
import { requireName } from "./run-directory.ts";

/** A start request carries its whole plan. */
const requestMaxBytes = 64 * 1024 * 1024;
/** A request that was announced and is still there is announced again after this. */
const announceAgainMs = 10_000;

/** What the inboxes of one store share. */
export interface InboxParts {
  readonly clock: Clock;
  readonly redact: (request: Request) => Request;
  /** Ms since the epoch, later than every instant it gave before. */
  readonly postedAt: () => number;
  /** Throws unless the run is there. */
  readonly requireRun: () => Promise<void>;
}

interface Posted {
  readonly at: number;
  readonly request: Request;
}

/** The requests of one run: `inbox/<id>.json`, each `{"v":1,"at":<ms since the epoch>,"request":{...}}`. */
export function openInbox(directory: string, parts: InboxParts): Inbox {
  const announced = new Map<string, number>();
  return {
    async post(request) {
      requireName("request", request.id);
      await parts.requireRun();
      const path = join(directory, `${request.id}.json`);
      await onDisk("write", path, async () => {
        if (await exists(path)) return;
        await writeAtomic(path, postedText(parts.redact(request), parts.postedAt()));
      });
    },
    async pending() {
      await parts.requireRun();
      return await onDisk("read", directory, () => pendingIn(directory, parts.clock));
    },
    async discard(ids) {
      for (const id of ids) {
        requireName("request", id);
        const path = join(directory, `${id}.json`);
        await onDisk("remove", path, () => rm(path, { force: true }));
      }
    },
    changed: async (signal) => await changedIn(directory, parts.clock, announced, signal),
  };
}

/** The content of a request's file. `at` in ms since the epoch. */
export function postedText(request: Request, at: number): string {
  return `${JSON.stringify({ v: 1, at, request })}\n`;
}

async function requestFiles(directory: string): Promise<readonly string[]> {
  return (await readdir(directory)).filter((name) => name.endsWith(".json") && !name.startsWith("."));
}

async function pendingIn(directory: string, clock: Clock): Promise<readonly Request[]> {
  await sweepTemporaries(directory, clock.now());
  const found: Posted[] = [];
  for (const name of await requestFiles(directory)) {
    const posted = await readPosted(directory, name);
    if (posted === "bad") await setAside(directory, name);
    else if (posted !== undefined) found.push(posted);
  }
  found.sort((a, b) => a.at - b.at || (a.request.id < b.request.id ? -1 : 1));
  return found.map(({ request }) => request);
}

/** Undefined: it is gone already, or cannot be read now and is tried again later. */
async function readPosted(directory: string, name: string): Promise<Posted | "bad" | undefined> {
  try {
    const text = await readIfExists(join(directory, name), requestMaxBytes);
    return text === undefined ? undefined : parsePosted(text, name);
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    return ["ELOOP", "EISDIR", "EINVAL", "EFBIG"].includes(code) ? "bad" : undefined;
  }
}

function parsePosted(text: string, name: string): Posted | "bad" {
  const posted = membersOf(parseObject(text));
  const request = membersOf(posted.request);
  if (posted.v !== 1 || typeof posted.at !== "number") return "bad";
  if (`${request.id}.json` !== name || !isRequest(request)) return "bad";
  return { at: posted.at, request };
}

/** What each kind of request must have at least. */
const fits: Readonly<Record<Request["kind"], (value: Json) => boolean>> = {
  start: ({ plan, terms }) =>
    Array.isArray(membersOf(plan).tasks) && isText(membersOf(plan).goal) && isText(membersOf(terms).runId),
  cancel: ({ by, reason }) => isText(by, reason),
  resume: ({ owner, background }) => isText(membersOf(owner).sessionId) && typeof background === "boolean",
  respond: ({ by, question, text, owner }) => isText(by, question, text, membersOf(owner).sessionId),
  revise: ({ by, revision, plan }) =>
    isText(by) && typeof revision === "number" && Array.isArray(membersOf(plan).tasks),
  post: ({ by, to, text }) => isText(by, to, text),
  stop: ({ by, task }) => isText(by, task),
};

function isRequest(value: Json): value is Request & Record<string, unknown> {
  return Object.entries(fits).some(([kind, isOne]) => kind === value.kind && isOne(value));
}

function isText(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === "string");
}

/** Out of the way, but never lost: `<name>.bad`, numbered when that exists. */
async function setAside(directory: string, name: string): Promise<void> {
  let target = join(directory, `${name}.bad`);
  for (let number = 2; await exists(target); number += 1) target = join(directory, `${name}.${number}.bad`);
  await rename(join(directory, name), target).catch((error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw error;
  });
}

/** Files that could not be taken for requests, those set aside included; empty when all is well. */
export async function inboxProblems(directory: string): Promise<readonly FileProblem[]> {
  const problems: FileProblem[] = [];
  for (const name of (await readdir(directory)).sort()) {
    const where = join(directory, name);
    if (name.endsWith(".bad")) {
      const remedy = "look into the file, send the request again, then delete the file";
      problems.push({ where, message: "this is no request that can be read; it was set aside", remedy });
    }
  }
  for (const name of await requestFiles(directory)) {
    const code = await readIfExists(join(directory, name), requestMaxBytes).then(() => undefined, errnoOf);
    if (code === undefined) continue;
    const where = join(directory, name);
    problems.push({ where, message: `cannot be read: ${code}`, remedy: "make the file readable" });
  }
  return problems;
}

/** Resolves when there is a file that was not announced yet, or was announced long ago. */
async function changedIn(
  directory: string,
  clock: Clock,
  announced: Map<string, number>,
  signal: AbortSignal,
): Promise<void> {
  const watch = watchDirectory(directory, clock.sleep, signal);
  try {
    while (!signal.aborted) {
      const now = clock.now();
      const names = await onDisk("list", directory, () => requestFiles(directory));
      const present = new Set(names);
      for (const name of announced.keys()) if (!present.has(name)) announced.delete(name);
      const fresh = names.filter((name) => now - (announced.get(name) ?? -Infinity) >= announceAgainMs);
      for (const name of fresh) announced.set(name, now);
      if (fresh.length > 0) return;
      await watch.changed();
    }
  } finally {
    watch.close();
  }
}
