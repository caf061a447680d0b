import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";
import type { StoredEvent } from "../../src/core/events.ts";
import { until } from "../support/host.ts";
import { type Lead, makeProject, type Project } from "./support/lead.ts";
import { processesOf } from "./support/marked.ts";
import { submit, waitFor, worker } from "./support/rules.ts";

const run = promisify(execFile);

/** Flags of `unshare` that give a mount namespace here: as root, else as root of a user namespace. */
async function namespaceFlags(): Promise<readonly string[]> {
  const failures: string[] = [];
  for (const flags of [["-m"], ["-r", "-m"]]) {
    try {
      await run("unshare", [...flags, "true"]);
      return flags;
    } catch (error) {
      failures.push(String(error));
    }
  }
  throw new Error(`NOT TESTED: this machine grants no mount namespace. ${failures.join("; ")}`);
}

/** A project whose `.muster` is a small file system that only the host and its children see. */
class SmallDisk {
  readonly project: Project;
  readonly lead: Lead;
  readonly #pid: number;

  constructor(project: Project, lead: Lead, pid: number) {
    this.project = project;
    this.lead = lead;
    this.#pid = pid;
  }

  /** A path as those processes see it. */
  path(...parts: readonly string[]): string {
    return join("/proc", String(this.#pid), "root", this.project.state, ...parts);
  }

  /** Has a program done in the namespace. */
  async inside(...command: readonly string[]): Promise<void> {
    await run("nsenter", ["-t", String(this.#pid), "-m", ...command]);
  }

  async fill(): Promise<void> {
    const filler = this.path("filler");
    for (const size of [64_000, 4_096, 512]) while (await wasWritten(filler, Buffer.alloc(size)));
  }

  async journal(runId: string): Promise<readonly StoredEvent[]> {
    const directory = this.path("runs", runId, "journal");
    const names = (await readdir(directory)).filter((name) => name.endsWith(".jsonl")).sort();
    const texts = await Promise.all(names.map((name) => readFile(join(directory, name), "utf8")));
    return texts
      .join("")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  }
}

async function wasWritten(path: string, bytes: Buffer): Promise<boolean> {
  try {
    await writeFile(path, bytes, { flag: "a" });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOSPC") return false;
    throw error;
  }
}

async function smallDisk(): Promise<SmallDisk> {
  const flags = await namespaceFlags();
  const project = await makeProject();
  onTestFinished(() => project.end());
  await mkdir(project.state);
  const script = 'mount -t tmpfs -o size=600k,mode=0700 tmpfs "$0" && exec "$@"';
  const through = ["unshare", ...flags, "sh", "-c", script, project.state];
  const lead = await project.lead({ through });
  await lead.idle();
  return new SmallDisk(project, lead, lead.host.pid);
}

const troubles = {
  disk_full: { begin: (disk: SmallDisk) => disk.fill(), end: (disk: SmallDisk) => rm(disk.path("filler")) },
  // Over itself: what has the journal open may go on writing there, and nothing else can be written.
  read_only: {
    begin: (disk: SmallDisk) =>
      disk.inside("mount", "--bind", "-o", "ro", disk.project.state, disk.project.state),
    end: (disk: SmallDisk) => disk.inside("umount", "-l", disk.project.state),
  },
};

it.each(Object.entries(troubles))(
  "%s in the middle of a run: the host lives, the run says why, and goes on where it was, nothing lost or done twice",
  async (cause, trouble) => {
    const disk = await smallDisk();
    const { project, lead } = disk;
    for (const name of ["one", "two"])
      await project.script(`1-${name}`, [
        worker(name, [waitFor(`${name}-goes`)], [submit(`${name} is done`)]),
      ]);
    await writeFile(join(project.directory, "two-goes"), "");
    const tasks = [
      { id: "one", agent: "executor", task: "[one]" },
      { id: "two", agent: "executor", task: "[two]", dependsOn: ["one"] },
    ];
    const started = await lead.call({ action: "run", tasks, background: true });
    expect(started.isError, started.text).toBe(false);
    const runId = started.details.runId ?? "none";
    const has = async (type: string) => (await disk.journal(runId)).some((event) => event.type === type);
    await until("the first worker is at its tool", () => has("attempt.progressed"));

    await trouble.begin(disk);
    await writeFile(join(project.directory, "one-goes"), "");
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    const told = await lead.call({ action: "status", run: runId });
    expect(told.text).toContain(`(${cause})`);
    expect(told.text).toMatch(/Reason: .*(free some space|make the file system writable)/);
    const refused = await lead.call({ action: "run", tasks, background: true, force: true });
    expect(refused).toMatchObject({ isError: true });
    expect(await readdir(disk.path("runs"))).toEqual([runId]);
    expect(await has("attempt.ended")).toBe(false);
    expect(await processesOf(runId)).not.toEqual([]);

    await trouble.end(disk);
    await until("its end", () => has("run.finished"));
    const events = await disk.journal(runId);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.filter(({ type }) => type === "attempt.started")).toHaveLength(2);
    expect(events.filter(({ type }) => type === "attempt.ended")).toMatchObject([
      { task: "one", attempt: 1, outcome: { kind: "completed", result: { text: "one is done" } } },
      { task: "two", attempt: 1, outcome: { kind: "completed", result: { text: "two is done" } } },
    ]);
    const after = await lead.call({ action: "status", run: runId });
    expect(after.details.status).toBe("completed");
    expect(after.text).not.toContain(cause);
    await until("nothing of it lives", async () => (await processesOf(runId)).length === 0);
  },
);
