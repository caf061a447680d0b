import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import type { ActionContext, Requester } from "../../src/actions/context.ts";
import { runReport } from "../../src/ui/report/report.ts";
import { noHistory } from "../support/past.ts";
import { completed } from "../support/plan.ts";
import { FakeClock } from "./fake-clock.ts";
import { FakeEngine, type Script } from "./fake-engine.ts";

const files: Readonly<Record<string, string>> = {
  "agents/explorer.md": "---\nname: explorer\ndescription: Looks around\npermission: read\n---\nYou look.\n",
  "agents/executor.md": "---\nname: executor\ndescription: Works\npermission: write\n---\nYou work.\n",
  "teams/default.team.md":
    "---\nname: default\ndescription: Look, then work\ntriggers: build, fix\n---\n- look: agent=explorer Looks\n- work: agent=executor Works\n",
  "workflows/default.workflow.md":
    "---\nname: default\ndescription: Look, then work\n---\n## look\nrole: look\n\nLook for {goal}\n\n## work\nrole: work\ndependsOn: look\n\nDo {goal} with {look.output}\n",
};

/** A directory of definitions for the tests of one file; ask for it inside a test. */
export function definitions(): () => string {
  let root = "";
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "muster-actions-"));
    for (const [file, text] of Object.entries(files)) {
      await mkdir(join(root, "builtin", file, ".."), { recursive: true });
      await writeFile(join(root, "builtin", file), text);
    }
  });
  afterAll(() => rm(root, { recursive: true, force: true }));
  return () => root;
}

/** Workers that do their task in five seconds and stop when they are told to. */
export const works: Script = {
  work: (task) => ({ afterMs: 5_000, outcome: completed(`${task} done`) }),
  stopsAfterMs: 100,
};
/** Inline tasks: one that builds on another, and one beside them. */
export const graph = [
  { id: "a", agent: "explorer", task: "look" },
  { id: "b", agent: "executor", task: "use {a.output}", dependsOn: ["a"], writes: "src/**" },
  { id: "c", agent: "explorer", task: "look elsewhere" },
];

export interface World {
  readonly engine: FakeEngine;
  readonly clock: FakeClock;
  readonly context: ActionContext;
  /** The same world as another session, or through another call, sees it. */
  readonly as: (change: Partial<ActionContext>, requester?: Partial<Requester>) => ActionContext;
}

/** One session over an engine of its own. */
export function world(root: string, script: Script = {}): World {
  const clock = new FakeClock();
  const engine = new FakeEngine(clock, script);
  let ids = 0;
  const context: ActionContext = {
    requester: {
      cwd: root,
      sessionId: "session-1",
      trusted: true,
      staysAlive: true,
      model: "scripted/one",
      origin: { kind: "agent", id: "call-1" },
    },
    engine,
    history: noHistory(root),
    clock,
    places: { builtin: join(root, "builtin"), user: join(root, "user"), project: root },
    settingsFiles: { user: join(root, "user.json"), project: join(root, "project.json") },
    checks: async () => [{ name: "node", ok: true, found: "20" }],
    redact: (text) => text.replaceAll("s3cret", "[redacted]"),
    report: runReport,
    newId: () => `request-${++ids}`,
  };
  const as: World["as"] = (change, requester = {}) => ({
    ...context,
    requester: { ...context.requester, ...requester },
    ...change,
  });
  return { engine, clock, context, as };
}
