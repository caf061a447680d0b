import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Manifest } from "../../src/core/ports.ts";
import { until } from "../support/host.ts";
import { makeProject, manifestWhen, type Project } from "./support/lead.ts";
import { marked } from "./support/marked.ts";
import { bash, edit, submit, waitFor, worker, write } from "./support/rules.ts";
import { Screen } from "./support/screen.ts";

let project: Project;
let screen: Screen;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(async () => {
  await screen.end();
  await project.end();
});

const tasks = [
  { id: "look", agent: "explorer", task: "[look] Look around." },
  { id: "build", agent: "executor", task: "[build] Build it.", dependsOn: ["look"] },
  { id: "check", agent: "critic", task: "[check] Check it.", dependsOn: ["build"] },
];

const run = { action: "run", goal: "a shop", tasks, background: true };
const rules = [
  { when: { prompt: "begin" }, turns: [[{ tool: "team", arguments: run }], [{ text: "It is begun." }]] },
  worker("look", [submit("nothing here")]),
  worker(
    "build",
    [write("shop/plan.md", "# 割引\n\tone\ntwo\n")],
    [edit("shop/plan.md", "\tone\n", "\tthree\nfour\n"), edit("shop/plan.md", "nowhere", "lost")],
    [{ text: "I begin to build." }, bash("until [ -e go ]; do sleep 0.1; done")],
    [bash("sleep 60")],
  ),
  { turns: [[{ text: "I see." }]] },
];

test("a run is watched, its worker steered, the run cancelled, and its words read afterwards, all in the dashboard", async () => {
  await project.script("rules", rules);
  screen = await Screen.open(project, 120, 40);
  await screen.shows("demo");
  await screen.type("begin");
  await screen.keys("Enter");
  // The widget: one of three is done, and somebody works.
  await screen.shows(/team .*1\/3 · 1 running/);
  const [runId = ""] = await project.runs();
  await screen.type("/team");
  await screen.keys("Enter");
  await screen.shows(/Team runs 1 here, 1 live.*\[1 Tasks\].*build »? *running/s);
  await screen.keys("3");
  await screen.shows(/\[3 Worker\].*I begin to build\./s);
  // The host's own blocks have a column of their own colour on the left.
  await screen.shows(/✓ {2}edit shop\/plan\.md.*✗ {2}edit shop\/plan\.md.*● {2}\$ until \[ -e go \]/s);
  await screen.type("s");
  await screen.shows("tell build");
  await screen.type("turn left");
  await screen.keys("Enter");
  await screen.shows(/Recorded|Delivered/);
  const posted = (await project.journal(runId)).filter((event) => event.type === "mail.posted");
  expect(posted).toMatchObject([{ mail: { to: "build", text: "turn left", from: "lead" } }]);

  await readsChanges(screen);

  await screen.resize(20, 12);
  await screen.shows(/\[3 Worker\]/);
  await screen.resize(120, 40);
  await screen.shows(/Team runs 1 here.*I begin to build\./s);

  await screen.type("x");
  await screen.shows(`Cancel run ${runId}`);
  await screen.type("n");
  await screen.type("x");
  await screen.shows("y yes");
  await screen.type("y");
  const isCancelled = ({ status }: Manifest): boolean => status === "cancelled";
  await manifestWhen(project, runId, "the end", isCancelled);
  await screen.shows(/team cancelled/);
  expect((await project.journal(runId)).filter(({ type }) => type === "run.cancel_requested")).toHaveLength(
    1,
  );
  await screen.type("q");
  await screen.shows(/^(?!.*Team runs)/s);

  await screen.type("/team-board shop");
  await screen.keys("Enter");
  await screen.shows(/\[⊘ cancelled 1\] \/shop.*▸ a shop.*1\/3/s);
  await screen.keys("Enter");
  await screen.shows(/\[1 Tasks\].*build »? *cancelled/s);
  await screen.type("q");
  await screen.shows(/^(?!.*Team runs)/s);

  await screen.type("/team-transcript look");
  await screen.keys("Enter");
  await screen.shows(/look.*submit_result/s);
  await screen.type("q");
  await screen.shows(/^(?!.*Team runs)/s);
});

/** `/when <name>`: what it says happens once the file of that name is there, whatever is open then. */
const when = `import { existsSync } from "node:fs";
export default (pi) => pi.registerCommand("when", { handler: async (name, ctx) => {
  const acts = { reload: () => ctx.reload(), session: () => ctx.newSession() };
  const timer = setInterval(() => {
    if (!existsSync(name)) return;
    clearInterval(timer);
    acts[name]();
  }, 100);
} });`;

test("whatever lies over the screen goes with its session: a reload, another session, the host's end", async () => {
  const extension = join(project.place.top, "when.mjs");
  await writeFile(extension, when);
  const one = [{ id: "only", agent: "executor", task: "[only] Wait." }];
  await project.script("rules", [
    {
      when: { prompt: "begin" },
      turns: [
        [{ tool: "team", arguments: { action: "run", goal: "a wait", tasks: one } }],
        [{ text: "So." }],
      ],
    },
    worker("only", [waitFor("go")], [submit("waited")]),
    { turns: [[{ text: "I see." }]] },
  ]);
  screen = await Screen.open(project, 100, 30, [extension]);
  await screen.shows("demo");
  const line = async (text: string): Promise<void> => {
    await screen.type(text);
    await screen.keys("Enter");
  };
  /** A host that begins anew does not listen yet. */
  const listens = async (): Promise<void> => {
    await until("the editor takes words", async () => {
      await screen.type(".");
      // 1.5.2 takes words before the new session is there, and forgets them then.
      await pause(1_500);
      return /^\.+\s*$/m.test(await screen.text());
    });
    await screen.keys("C-u");
  };
  const happens = (name: string): Promise<void> => writeFile(join(project.directory, name), "");
  await line("/when reload");
  await line("/team");
  await screen.shows("Team runs 0 here");
  await happens("reload");
  await screen.shows(/^(?!.*Team runs).*Reloaded.*demo/s);
  await listens();

  await line("begin");
  await screen.shows(/team .*1 running/);
  const [first = ""] = await project.runs();
  await line("/when session");
  await line("/team-settings");
  await screen.shows("onOwnerLoss");
  await happens("session");
  await screen.shows(/^(?!.*(onOwnerLoss|1 running)).*demo/s);
  await listens();
  // The call that waited is gone with its session; the run is not, for the host is still there.
  await line("/team");
  await screen.shows(/Team runs 1 here, 1 live.*running/s);
  await screen.kill("SIGTERM");
  const parked = await manifestWhen(project, first, "parked", ({ status }) => status === "blocked");
  expect(parked).toMatchObject({ cause: "owner_gone", tasks: [{ attempts: 1 }] });
  // The terminal may let the host lie as a zombie: then the kernel shows nothing of it but its number.
  const living = () => marked(`PI_CODING_AGENT_DIR=${project.place.agentDir}`);
  await until("the host is gone, and all of the run", async () => (await living()).length === 0);
});

/** What the worker changed, as its tools showed it: the pane, the whole diff, and back. */
async function readsChanges(screen: Screen): Promise<void> {
  await screen.keys("5");
  await screen.shows(/build +\+5 +-1 +shop\/plan\.md.*1 shell command.*written whole.*\+2 {3}one/s);
  await screen.keys("Enter");
  await screen.shows(/shop\/plan\.md \+5 -1.*-2 {3}one\n *\+2 {3}three\n *\+3 four.*other keys close/s);
  await screen.keys("3");
  await screen.keys("3");
  await screen.shows(/\[3 Worker\]/);
}
