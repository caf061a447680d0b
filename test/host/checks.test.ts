import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hostChecks, type Machine, type SessionFacts } from "../../src/host/checks.ts";

const machine: Machine = {
  version: "1.2.3",
  build: "dist",
  depth: 0,
  depthMax: 2,
  piCommand: async () => ["/bin/pi"],
};
const facts: SessionFacts = {
  projectRoot: tmpdir(),
  directory: join(tmpdir(), "no", "such", ".muster"),
  trusted: true,
  clash: undefined,
  model: "a/b",
  isModelReady: true,
  exec: async (command) => ({ code: 0, stdout: `${command} 1.0\n`, stderr: "" }),
};

test("a good machine has nothing to remedy", async () => {
  const directory = await mkdtemp(join(tmpdir(), "muster-"));
  const checks = await hostChecks(machine, { ...facts, directory });
  await rm(directory, { recursive: true });
  const wrong = checks.filter(({ ok, name }) => ok !== true && name !== "disk").map(({ name }) => name);
  expect(wrong).toEqual(process.platform === "linux" ? [] : ["process table"]);
});

test("everything that is wrong is found, named and given a remedy; nothing is thrown", async () => {
  const piCommand = () => Promise.reject(new Error("no pi here"));
  const checks = await hostChecks(
    { ...machine, build: "stale", depth: 2, piCommand },
    {
      ...facts,
      directory: "/proc/1/no/.muster",
      projectRoot: undefined,
      trusted: false,
      clash: "/x.ts",
      model: undefined,
      exec: () => Promise.reject(new Error("no such program")),
    },
  );
  const wrong = checks.filter(({ ok }) => ok !== true);
  const wanted = [
    "pi for workers",
    "pi-muster",
    "git",
    "project",
    "state directory",
    "model",
    "tool name",
    "depth",
  ];
  expect(wrong.map(({ name }) => name)).toEqual(expect.arrayContaining(wanted));
  for (const { remedy } of wrong) expect(remedy).toBeTruthy();
});
