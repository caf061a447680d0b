import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { projectRoot } from "../../src/lib/project.ts";

let home = "";
beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), "project-")));
});
afterEach(() => rm(home, { recursive: true }));

it("is the top of the git work tree, also from deep inside", async () => {
  await mkdir(join(home, "repo/.git"), { recursive: true });
  await mkdir(join(home, "repo/a/b"), { recursive: true });
  expect(await projectRoot(join(home, "repo/a/b"), home)).toBe(join(home, "repo"));
});

it("is the directory itself without git", async () => {
  await mkdir(join(home, "plain"));
  expect(await projectRoot(join(home, "plain"), home)).toBe(join(home, "plain"));
});

it("is nothing at home, at the root, and where nothing is", async () => {
  expect(await projectRoot(home, home)).toBeUndefined();
  expect(await projectRoot("/", home)).toBeUndefined();
  expect(await projectRoot(join(home, "missing"), home)).toBeUndefined();
});
