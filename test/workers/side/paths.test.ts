import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { placeInWorkspace } from "../../../src/workers/side/paths.ts";

let top: string;
let workspace: string;

beforeEach(async () => {
  top = await realpath(await mkdtemp(join(tmpdir(), "muster-paths-")));
  workspace = join(top, "ws");
  await mkdir(join(workspace, "src/deep"), { recursive: true });
  await mkdir(join(workspace, ".git/hooks"), { recursive: true });
  await mkdir(join(top, "ws-sibling"));
  await mkdir(join(top, "outside"));
  await writeFile(join(top, "outside/file"), "x");
  await symlink(join(top, "outside"), join(workspace, "link-out"));
  await symlink(join(top, "outside/new"), join(workspace, "dangling-out"));
  await symlink("../../outside/new", join(workspace, "src/dangling-relative"));
  await symlink(".git", join(workspace, "link-git"));
  await symlink("src", join(workspace, "link-in"));
  await symlink("loop-b", join(workspace, "loop-a"));
  await symlink("loop-a", join(workspace, "loop-b"));
});
afterEach(() => rm(top, { recursive: true, force: true }));

it.each([
  "../outside/file",
  "../ws-sibling/file",
  "src/../../outside/new",
  "/etc/passwd",
  "~/x",
  "@../outside/new",
  "link-out/file",
  "link-out/new/deeper",
  "dangling-out",
  "src/dangling-relative",
  "link-in/dangling-relative",
  ".",
  "",
  "loop-a",
  "loop-a/x",
])("%s is outside the workspace", async (path) => {
  expect(await placeInWorkspace(path, workspace)).toHaveProperty("problem");
});

it.each([
  ".git/config",
  ".GIT/hooks/pre-push",
  ".git",
  "link-git/hooks/x",
  ".muster/runs/x",
  "src/.git/x",
  "src/../.git/x",
])("%s is not the worker's", async (path) => {
  expect(await placeInWorkspace(path, workspace)).toHaveProperty("problem");
});

it.each([
  ["src/a.ts", "src/a.ts"],
  ["@src/a.ts", "src/a.ts"],
  ["new/deep/file", "new/deep/file"],
  ["link-in/a.ts", "src/a.ts"],
  ["src/../b", "b"],
  [".gitignore", ".gitignore"],
  ["..name", "..name"],
])("%s is %s", async (path, inside) => {
  expect(await placeInWorkspace(path, workspace)).toMatchObject({ inside });
});

it("an absolute path and a workspace behind a link are judged by where they are", async () => {
  await symlink(workspace, join(top, "ws-link"));
  expect(await placeInWorkspace(join(workspace, "a"), join(top, "ws-link"))).toMatchObject({ inside: "a" });
  expect(await placeInWorkspace("a", join(top, "ws-link"))).toMatchObject({ inside: "a" });
});

it("a workspace below .muster is a workspace like any other", async () => {
  const worktree = join(top, "project/.muster/worktrees/r1/t1");
  await mkdir(worktree, { recursive: true });
  expect(await placeInWorkspace("a", worktree)).toMatchObject({ inside: "a" });
});

it("whatever is called inside lies under the real workspace", async () => {
  const part = fc.constantFrom(
    "..",
    ".",
    "src",
    "deep",
    "link-out",
    "link-in",
    "dangling-out",
    "new",
    "link-git",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 7 }), async (parts) => {
      const placed = await placeInWorkspace(parts.join("/"), workspace);
      if ("inside" in placed) expect(placed.path).toBe(join(workspace, placed.inside));
      if ("inside" in placed) expect(placed.inside).not.toMatch(/(^|\/)(\.\.|\.git)(\/|$)/);
    }),
    { numRuns: 300 },
  );
});
