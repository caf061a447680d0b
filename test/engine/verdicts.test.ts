import { expect, it } from "vitest";
import type { AttemptFiles } from "../../src/core/ports.ts";
import type { Liveness } from "../../src/core/process.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import { judge } from "../../src/engine/verdicts.ts";
import { History } from "../core/history.ts";
import { completed, failed, plan, task } from "../support/plan.ts";

const at = "2026-01-01T00:00:00.000Z";
type Found = Awaited<ReturnType<AttemptFiles["readOutcome"]>>;

it("judges exactly the attempts without a recorded end, each by its file, its process and its newest sign", async () => {
  const ids = ["done", "ok", "bad", "lives", "gone", "fresh", "old", "torn"];
  const settings = { ...defaultSettings, concurrency: ids.length };
  const history = History.started(plan(...ids.map((id) => task(id))), { settings });
  const pids = new Map(ids.map((id, index) => [id, index + 10]));
  const spawn = (id: string): void => {
    const worker = { pid: pids.get(id) ?? 0, startTime: "1", bootId: "b" };
    history.command({ kind: "spawned", task: id, attempt: 1, worker, mark: id });
  };
  for (const id of ["done", "lives", "gone", "torn"]) spawn(id);
  history.command({ kind: "ended", task: "done", attempt: 1, outcome: completed("x") });
  history.now += 50_000;
  history.command({ kind: "ready", task: "fresh", attempt: 1 });
  const files = new Map<string, Found>([
    ["torn", "unreadable"],
    ...(["ok", "bad"] as const).map((id): [string, Found] => [
      id,
      { v: 1, runId: "r", task: id, attempt: 1, at, outcome: id === "ok" ? completed("x") : failed({}) },
    ]),
  ]);
  const livenessOf = new Map<number, Liveness>([
    [pids.get("lives") ?? 0, "alive"],
    [pids.get("gone") ?? 0, "gone"],
    [pids.get("torn") ?? 0, "gone"],
  ]);
  const judged = await judge(history.state, {
    files: {
      artifacts: "",
      directory: () => Promise.reject(new Error("nothing is made")),
      adopt: async () => false,
      isBegun: () => Promise.resolve(true),
      readOutcome: (id) => Promise.resolve(files.get(id)),
    },
    probe: ({ pid }) => Promise.resolve(livenessOf.get(pid) ?? "indeterminate"),
    now: history.now + 100_000,
  });
  expect(Object.fromEntries([...judged].map(([key, { verdict }]) => [key, verdict]))).toEqual({
    "ok/1": "result_ok",
    "bad/1": "result_failed",
    "lives/1": "alive",
    "gone/1": "gone",
    "fresh/1": "alive",
    "old/1": "indeterminate",
    "torn/1": "indeterminate",
  });
  expect([judged.get("ok/1")?.outcome?.kind, judged.get("bad/1")?.outcome?.kind]).toEqual([
    "completed",
    "failed",
  ]);
});
