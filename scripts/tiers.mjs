/**
 * @typedef {object} Tier
 * @property {string} name
 * @property {readonly string[]} command a program of node_modules/.bin, or `node`, and its arguments
 * @property {"check" | "vitest"} kind a check counts as one; vitest counts its tests by its JSON report
 * @property {boolean} fast part of `npm run check`
 * @property {Record<string, string>} [env] added to the environment
 */

/** @param {string} name @param {string} line @returns {Tier} */
const check = (name, line) => ({ name, kind: "check", fast: true, command: line.split(" ") });

/** @param {string} name @param {string} line @returns {Tier} */
const slowCheck = (name, line) => ({ ...check(name, line), fast: false });

/** @param {string} name @param {string} project of vitest.config.ts @returns {Tier} */
const tests = (name, project) => ({
  name,
  kind: "vitest",
  fast: project === "fast",
  command: ["vitest", "run", "--project", project],
});

/**
 * Everything that `npm test` runs, in this order. To add a tier is to add a line.
 * @type {readonly Tier[]}
 */
export const tiers = [
  check("format and lint", "biome check --error-on-warnings ."),
  check("types", "tsc -p ."),
  check("doors", "depcruise src --config .dependency-cruiser.cjs"),
  check("unused code", "knip"),
  tests("unit, property, contract", "fast"),
  tests("real processes, exhaustive", "thorough"),
  slowCheck("build", "node scripts/build.mjs"),
  tests("package", "package"),
  tests("end to end with the real host", "e2e"),
  tests("chaos, a few rounds", "chaos"),
];
