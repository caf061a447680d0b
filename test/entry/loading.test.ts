import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  entryFile,
  isBuildCurrent,
  nodeArguments,
  packageRoot,
  sourcesHash,
} from "../../src/entry/loading.ts";

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const hostCli = join(repository, "node_modules/.bin/pi");
let root = "";

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "muster-loading-"));
  await mkdir(join(root, "src/core"), { recursive: true });
  await mkdir(join(root, "dist"));
  await writeFile(join(root, "package.json"), '{"type":"module","version":"1.0.0"}');
  await writeFile(join(root, "src/core/a.ts"), "export const a = 1;\n");
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function stamp(): Promise<void> {
  await writeFile(join(root, "dist/build.json"), JSON.stringify({ sources: await sourcesHash(root) }));
}

describe("a build is current", () => {
  it("while every source is as it was built, whatever its times", async () => {
    await stamp();
    await utimes(join(root, "src/core/a.ts"), 1, 1);
    expect(await isBuildCurrent(root)).toBe(true);
  });

  const changes: readonly [string, () => Promise<void>][] = [
    ["a source was edited", () => writeFile(join(root, "src/core/a.ts"), "export const a = 2;\n")],
    ["a source was added", () => writeFile(join(root, "src/core/b.ts"), "")],
    ["a source was renamed", () => rename(join(root, "src/core/a.ts"), join(root, "src/core/b.ts"))],
    ["the version changed", () => writeFile(join(root, "package.json"), '{"version":"1.0.1"}')],
    ["there is no build", () => rm(join(root, "dist"), { recursive: true })],
  ];
  it.each(changes)("no more when %s", async (_, change) => {
    await stamp();
    await change();
    expect(await isBuildCurrent(root)).toBe(false);
  });
});

describe("another process", () => {
  it("starts from the sources when this one does", () => {
    expect(packageRoot()).toBe(repository);
    expect(entryFile("runner")).toEqual({ file: join(repository, "src/entry/runner.ts"), viaJiti: true });
  });

  it("needs no jiti when it is prebuilt", async () => {
    expect(await nodeArguments({ file: "/x/dist/runner.mjs", viaJiti: false }, "/nowhere")).toEqual([
      "/x/dist/runner.mjs",
    ]);
  });

  it.each([
    ["beside the running host", hostCli],
    ["beside ourselves when the host has none", "/nowhere/pi"],
  ])("runs TypeScript with libraries on plain node through the jiti %s", async (_, host) => {
    await symlink(join(repository, "node_modules"), join(root, "node_modules"));
    const file = join(root, "src/core/main.ts");
    await writeFile(
      file,
      `import { Type } from "@sinclair/typebox";
       import { parse } from "yaml";
       import { a } from "./a.ts";
       const later: typeof import("./a.ts") = await import("./a.ts");
       console.log(JSON.stringify([Type.String().type, parse("x: 1").x, a, later.a, process.argv.slice(1)]));`,
    );
    const args = [...(await nodeArguments({ file, viaJiti: true }, host)), "run-1"];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(JSON.parse(stdout)).toEqual(["string", 1, 1, 1, [file, "run-1"]]);
  });
});
