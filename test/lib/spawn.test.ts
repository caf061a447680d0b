import { expect, it } from "vitest";
import { capture, type Program, SpawnFailure, spawnChild, spawnDetached } from "../../src/lib/spawn.ts";

const node = (program: string, change: Partial<Program> = {}): Program => ({
  command: process.execPath,
  args: ["-e", program],
  cwd: "/",
  environment: {},
  ...change,
});
const ignore = (): void => undefined;

it("hands over what a child writes, and how it ended", async () => {
  const chunks: Buffer[] = [];
  const child = await spawnChild(
    node('console.log("hello"); process.exitCode = 3'),
    (chunk) => chunks.push(chunk),
    ignore,
  );
  expect(await child.exited).toEqual({ code: 3, signal: null });
  await child.drained;
  expect(Buffer.concat(chunks).toString()).toBe("hello\n");
  expect(child.write("too late\n")).toBe(false);
  child.release();
});

it.each([
  ["a command that does not exist", { command: "/nonexistent/program" }, "ENOENT"],
  ["a directory that does not exist", { cwd: "/nonexistent/directory" }, "ENOENT"],
  ["a NUL in an argument", { args: ["a\0b"] }, "ERR_INVALID_ARG_VALUE"],
])("refuses %s by name", async (_, change, code) => {
  const failure = await spawnChild(node("", change), ignore, ignore).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(SpawnFailure);
  expect(failure).toMatchObject({ code });
  await expect(spawnDetached(node("", change))).rejects.toBeInstanceOf(SpawnFailure);
});

it("says nothing for a program that fails or takes too long", async () => {
  expect(await capture(node('console.log("x\\n")'), 30_000)).toBe("x");
  expect(await capture(node("process.exit(1)"), 30_000)).toBeUndefined();
  expect(await capture(node("setInterval(() => undefined, 1000)"), 300)).toBeUndefined();
});
