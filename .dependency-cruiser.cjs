/** The doors between the rooms, from one table (docs/architecture.md). Anything not listed is forbidden. */
const doors = {
  core: [],
  lib: [],
  resources: ["core", "lib"],
  store: ["core", "lib"],
  workers: ["core", "lib"],
  engine: ["core", "lib"],
  ui: ["core", "lib"],
  actions: ["core", "lib", "resources"],
  host: ["core", "lib", "actions", "ui"],
};
const hostPackages = "node_modules/@(mariozechner|earendil-works)/pi-";

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    ...Object.entries(doors).map(([room, open]) => ({
      name: `door-of-${room}`,
      severity: "error",
      from: { path: `^src/${room}/` },
      to: { path: "^src/", pathNot: `^src/(${[room, ...open].join("|")})/` },
    })),
    {
      name: "core-imports-nothing",
      severity: "error",
      from: { path: "^src/core/" },
      to: { pathNot: "^src/core/" },
    },
    {
      name: "child-process-only-in-lib",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(lib/|entry/boot.cjs$)" },
      to: { path: "^(node:)?child_process$" },
    },
    {
      name: "host-package-only-in-host-and-entry",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(host|entry)/" },
      to: { path: `${hostPackages}(coding-agent|ai)` },
    },
    {
      name: "pi-tui-only-in-ui-and-host",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(ui|host)/" },
      to: { path: `${hostPackages}tui` },
    },
    {
      name: "nobody-imports-entry",
      severity: "error",
      from: { path: "^src/(?!entry/)" },
      to: { path: "^src/entry/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    exclude: { path: "^(dist|node_modules)" },
    enhancedResolveOptions: { conditionNames: ["import", "types", "default"], exportsFields: ["exports"] },
  },
};
