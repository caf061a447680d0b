import { defineConfig } from "vitest/config";

/** Too slow for every commit: they start real processes, or try everything there is. */
const thorough = ["test/workers/**/*.test.ts", "test/ui/width.test.ts", "test/ui/lines.test.ts"];
const ownTier = ["test/e2e/**", "test/package/**", "test/chaos/**"];

/** One project a tier: `vitest run --project fast`, or `vitest run <paths>` to run files of any. */
export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      project("fast", ["test/**/*.test.ts"], 60_000, [...ownTier, ...thorough]),
      project("thorough", thorough, 120_000),
      project("package", ["test/package/**/*.test.ts"], 300_000),
      project("e2e", ["test/e2e/**/*.test.ts"], 120_000, [], ["test/e2e/support/build.ts"]),
      project("chaos", ["test/chaos/**/*.test.ts"], 600_000, [], ["test/e2e/support/build.ts"]),
    ],
  },
});

function project(
  name: string,
  include: string[],
  timeoutMs: number,
  exclude: string[] = [],
  globalSetup: string[] = [],
) {
  return {
    test: {
      name,
      include,
      globalSetup,
      exclude: [...exclude, "node_modules/**", "dist/**"],
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      sequence: { shuffle: true },
    },
  };
}
