/**
 * @typedef {object} Tier
 * @property {string} name
 * @property {readonly string[]} command a program of node_modules/.bin, or `node`, and its arguments
 * @property {"check" | "vitest"} kind a check counts as one; vitest counts its tests by its JSON report
 * @property {boolean} fast part of `npm run check`
 * @property {Record<string, string>} [env] added to the environment
 */

/**
 * Everything that `npm test` runs, in this order. To add a tier is to add a line.
 * @type {readonly Tier[]}
 */
export const tiers = [
  {
    name: "format and lint",
    kind: "check",
    fast: true,
    command: ["biome", "check", "--error-on-warnings", "."],
  },
  { name: "types", kind: "check", fast: true, command: ["tsc", "-p", "."] },
  {
    name: "doors",
    kind: "check",
    fast: true,
    command: ["depcruise", "src", "--config", ".dependency-cruiser.cjs"],
  },
  { name: "unused code", kind: "check", fast: true, command: ["knip"] },
  {
    name: "unit, property, contract",
    kind: "vitest",
    fast: true,
    command: ["vitest", "run", "--project", "fast"],
  },
  { name: "build", kind: "check", fast: false, command: ["node", "scripts/build.mjs"] },
  { name: "package", kind: "vitest", fast: false, command: ["vitest", "run", "--project", "package"] },
];
