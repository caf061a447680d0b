import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { node } from "../support/host.ts";
import { type Lead, makeProject, type Project } from "./support/lead.ts";
import { workersOf } from "./support/marked.ts";

const taskCount = 300;
const concurrency = 8;
const tasks = Array.from({ length: taskCount }, (_, index) => ({
  ...{ id: `t${index}`, agent: "executor", task: "at once", writes: "none" },
}));

let project: Project;
let lead: Lead;
let counted: string;
const busy: ChildProcess[] = [];
beforeAll(async () => {
  project = await makeProject();
  counted = join(project.place.top, "counted");
  await mkdir(counted);
  lead = await project.lead({
    environment: {
      PI_MUSTER_PI_BIN: join(dirname(fileURLToPath(import.meta.url)), "support/counted.mjs"),
      COUNTED_DIRECTORY: counted,
    },
  });
});
afterAll(async () => {
  for (const child of busy) child.kill("SIGKILL");
  await project.end();
});

/** Most workers of a run that were seen alive at once, looked for until `over`. */
async function mostAlive(runId: string, over: AbortSignal): Promise<number> {
  let most = 0;
  while (!over.aborted) {
    const workers = await workersOf(runId);
    most = Math.max(most, workers.length);
    await pause(50);
  }
  return most;
}

describe("300 instant tasks, eight at a time", () => {
  it.each(["on a quiet machine", "beside two busy loops"])(
    "all complete, %s",
    async (circumstance) => {
      if (circumstance.includes("busy")) {
        for (let index = 0; index < 2; index++)
          busy.push(spawn(node, ["-e", "for (;;);"], { stdio: "ignore" }));
      }
      const earlier = (await seen()).length;
      const { runId, answer } = await lead.run({ tasks, concurrency });
      const over = new AbortController();
      const most = mostAlive(runId, over.signal);
      const { isError, details } = await answer();
      over.abort();
      for (const child of busy.splice(0)) child.kill("SIGKILL");

      expect({ isError, status: details.status }).toEqual({ isError: false, status: "completed" });
      const manifest = await project.manifest(runId);
      expect(manifest.tasks).toHaveLength(taskCount);
      expect(
        manifest.tasks.filter(({ status, attempts }) => status !== "completed" || attempts !== 1),
      ).toEqual([]);
      // By its own account of every worker, and by the kernel's.
      const counts = (await seen()).slice(earlier);
      expect(counts).toHaveLength(taskCount);
      expect(Math.max(...counts)).toBeLessThanOrEqual(concurrency);
      expect(await most).toBeLessThanOrEqual(concurrency);
      expect(await most).toBeGreaterThan(1);
      expect(await readdir(join(counted, "alive"))).toEqual([]);
      // `journal` throws where a number is missing.
      const ended = (await project.journal(runId)).filter(({ type }) => type === "attempt.ended");
      expect(ended).toHaveLength(taskCount);
    },
    300_000,
  );
});

/** How many workers each worker saw alive when it began, itself included. */
async function seen(): Promise<readonly number[]> {
  const text = await readFile(join(counted, "seen"), "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
}
