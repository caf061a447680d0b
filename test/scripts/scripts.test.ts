import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { packedManifest } from "../../scripts/pack.mjs";
import { countOf } from "../../scripts/test.mjs";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

describe("npm test counts", () => {
  const file = (status: string, ...tests: string[]) => ({
    status,
    assertionResults: tests.map((one) => ({ status: one })),
  });
  const report = (...files: ReturnType<typeof file>[]): string => {
    const all = files.flatMap((one) => one.assertionResults);
    const passed = all.filter((test) => test.status === "passed").length;
    return JSON.stringify({ numPassedTests: passed, numTotalTests: all.length, testResults: files });
  };

  it.each([
    ["every test", report(file("passed", "passed", "passed")), 0, 2, 0],
    ["a failed test", report(file("failed", "passed", "failed")), 1, 1, 1],
    ["a skipped test as failed", report(file("passed", "passed", "pending", "todo")), 0, 1, 2],
    ["a file that could not be loaded as failed", report(file("passed", "passed"), file("failed")), 1, 1, 1],
    ["a tier without tests as failed", report(), 0, 0, 1],
    ["a tier that wrote no report as failed", "", 1, 0, 1],
    ["an error outside every test as failed", report(file("passed", "passed")), 1, 1, 1],
  ])("%s", (_, text, exitCode, passed, failed) => {
    expect(countOf(text, exitCode)).toMatchObject({ passed, failed });
  });
});

describe("the packed manifest", () => {
  it("points at the bundle, needs no package, and keeps the rest", async () => {
    const checkout = await readFile(join(root, "package.json"), "utf8");
    const packed = JSON.parse(packedManifest(checkout));
    expect(packed.pi).toEqual({ extensions: ["./dist/index.mjs"], skills: ["./skills"] });
    expect(packed).not.toHaveProperty("dependencies");
    expect(packed).not.toHaveProperty("scripts");
    const { scripts: _s, dependencies: _d, devDependencies: _v, pi: _p, ...kept } = JSON.parse(checkout);
    expect(packed).toMatchObject(kept);
    for (const peer of Object.keys(packed.peerDependencies)) {
      expect(packed.peerDependenciesMeta[peer]).toEqual({ optional: true });
    }
  });
});
