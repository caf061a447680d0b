import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StoredEvent } from "../../src/core/events.ts";
import { filesBelow, type Json, served, until } from "../support/host.ts";
import { git, kill, type Lead, makeProject, manifestWhen, type Project } from "./support/lead.ts";
import { workersOf } from "./support/marked.ts";
import { bash, submit, waitFor, worker } from "./support/rules.ts";

let project: Project;
let lead: Lead;
beforeAll(async () => {
  project = await makeProject();
  const told = { prompt: "[rejected]", lastToolResult: "put to a person and denied: not here" };
  await project.script("1-permission", [
    {
      name: "goes on",
      when: { prompt: "You asked" },
      turns: [[bash("touch made-later")], [submit("told: {prompt}")]],
    },
    worker("first", [bash("touch made-first")], [submit("first: {lastToolResult}")]),
    worker("second", [bash("cd . && touch made-second")], [submit("second: {lastToolResult}")]),
    {
      name: "told why",
      when: told,
      turns: [[submit("nothing was tried")], [submit("it was {lastToolResult}")]],
    },
    worker("rejected", [bash("touch made-never")], [submit("not told")]),
    worker("twice", [bash("touch made-x"), bash("touch made-y")], [submit("twice: {lastToolResult}")]),
  ]);
  lead = await project.lead();
});
afterAll(() => project.end());

const tasks = (...names: readonly string[]): Json => ({
  tasks: names.map((name, at) => ({
    ...{ id: name, agent: "executor", task: `[${name}]`, writes: "none" },
    ...(at > 0 && { dependsOn: [names[at - 1]] }),
  })),
});
const write = (path: string): object => ({ tool: "write", arguments: { path, content: "x" } });
const ofType = <T extends StoredEvent["type"]>(events: readonly StoredEvent[], type: T) =>
  events.filter((event): event is Extract<StoredEvent, { type: T }> => event.type === type);

describe("a worker that wants out of its workspace", () => {
  /** All files of these directories beside the workspace, with their content. */
  async function outside(): Promise<ReadonlyMap<string, string>> {
    const { top } = project.place;
    const found = new Map<string, string>();
    for (const name of ["outside", "out side", "worktree", "remote.git", "workspace/.git"])
      for (const file of await filesBelow(join(top, name)))
        found.set(`${name}/${file}`, await readFile(join(top, name, file), "latin1"));
    const home = (await filesBelow(project.place.home)).filter((file) => !file.startsWith(".pi/"));
    return found.set("home", home.join());
  }

  it("fails whatever way it tries; each try is an event, and nothing has changed", async () => {
    const { top, workspace, home } = project.place;
    for (const name of ["outside", "out side"]) await mkdir(join(top, name));
    await writeFile(join(top, "outside/file"), "x");
    await git(top, "init", "-q", "--bare", "remote.git");
    await git(workspace, "worktree", "add", "-q", "../worktree");
    await symlink("../outside/new", join(workspace, "dangling"));
    await project.script("2-escape", [worker("escapes", [waitFor("go")], [{ text: "…" }])]);
    const { runId, answer } = await lead.run({ ...tasks("escapes"), background: true });
    await answer();
    const at = `.muster/runs/${runId}/journal/0001.jsonl`;
    const driver = (await manifestWhen(project, runId, "its driver", (of) => of.driver !== undefined)).driver;
    const ways = [
      ...[join(top, "outside/a"), "../outside/b", "made/c", "dangling", "ours/runs/d", "~/e"].map(write),
      ...["../out\u00A0side/f", "@../outside/g", ".git/hooks/pre-commit", "../worktree/h", at].map(write),
      { tool: "edit", arguments: { path: "../outside/file", edits: [{ oldText: "x", newText: "y" }] } },
      ...[
        "echo x > ../outside/i",
        "echo x | tee ../outside/j",
        "cp readme.txt ../outside/k",
        "mv readme.txt ../worktree/l",
        "echo x > made/m",
        "touch made/../n",
        "ln -s ../outside again && echo x > again/o",
        "ln ../outside/file hard && echo x > hard",
        "sh -c 'touch ../outside/p'",
        "A=1 env B=2 touch ../outside/q",
        "find ../outside -name file -exec rm {} +",
        "sed -i s/x/y/ ../outside/file",
        "dd if=/dev/zero of=../outside/r count=1",
        "cd ../outside && touch s",
        "(cd /; ls) > ~/t",
        `touch ${home}/u`,
        "git -C ../worktree commit -q --allow-empty -m x",
        "git config --global user.name x",
        "git push ../remote.git main",
        "npm publish",
        "gh pr create --fill",
        "echo x > .git/hooks/post-commit",
        `echo '{}' >> ${at}`,
        "rm -rf .muster/runs",
        `kill -9 ${driver?.pid}`,
        "kill -9 $PPID",
      ].map(bash),
    ];
    const links = [bash("ln -s ../outside made"), bash("ln -s .muster ours")];
    const report = submit("the last one: {lastToolResult}");
    await project.script("2-escape", [worker("escapes", [waitFor("go")], links, ways, [report])]);
    const before = await outside();
    await writeFile(join(workspace, "go"), "");
    await manifestWhen(project, runId, "the end", ({ status }) => status === "completed");
    expect(await outside()).toEqual(before);
    expect(await readFile(join(workspace, "readme.txt"), "utf8")).toBe("a project\n");
    const denied = ofType(await project.journal(runId), "attempt.denied");
    const named = ways.map((way) => Object.values(Reflect.get(way, "arguments"))[0]);
    expect(denied.map(({ what }) => what)).toEqual(named);
    expect((await lead.call({ action: "status", run: runId })).text).toContain(`${ways.length} calls denied`);
    const story = await lead.call({ action: "status", run: runId, task: "escapes" });
    expect(story.text).toContain(`kill -9 ${driver?.pid}, by muster`);
    const result = await lead.call({ action: "get", run: runId, task: "escapes" });
    expect(result.text).toContain("end only what you started");
  });
});

describe("a call that a rule leaves to people", () => {
  beforeAll(() => project.settings({ permissions: { ask: ["bash(touch *)"] } }));

  it("comes back from the waiting call; approved for the run, the same rule is not asked again", async () => {
    const { runId, answer } = await lead.run(tasks("first", "second"));
    const { details, text } = await answer();
    expect(details.status).toBe("waiting");
    expect(text).toContain(`Task first (executor) wants to use bash in ${project.directory}`);
    expect(text).toContain("touch made-first");
    const status = await lead.call({ action: "status", run: runId });
    expect(status.text).toContain("bash(touch *)");
    expect(await filesBelow(project.directory)).not.toContain("made-first");
    const approved = await lead.call({ action: "respond", run: runId, message: "approve for run" });
    expect(approved).toMatchObject({ isError: false });
    expect((await lead.call({ action: "wait", run: runId })).details.status).toBe("completed");
    expect(await filesBelow(project.directory)).toEqual(
      expect.arrayContaining(["made-first", "made-second"]),
    );
    const mail = ofType(await project.journal(runId), "mail.posted").map(({ mail: one }) => one);
    expect(mail.map(({ from, kind }) => `${from} ${kind}`)).toEqual([
      "first approval",
      "lead answer",
      "muster answer",
      "second approval",
    ]);
    const inbox = await lead.call({ action: "inbox", run: runId });
    expect(inbox.text).toMatch(/consumed.*answer from lead.*approve for run/);
  });

  it("is final when it is rejected, and the model is told why", async () => {
    const { runId, answer } = await lead.run(tasks("rejected"));
    await answer();
    await lead.call({ action: "respond", run: runId, message: "reject: not here" });
    await manifestWhen(project, runId, "the end", ({ status }) => status === "completed");
    expect((await served(project.place)).map(({ rule }) => rule)).toContain("told why");
    const result = await lead.call({ action: "get", run: runId, task: "rejected" });
    expect(result.text).toContain("do not try it in another way");
    expect(await filesBelow(project.directory)).not.toContain("made-never");
    const [denied] = ofType(await project.journal(runId), "attempt.denied");
    expect(denied).toMatchObject({
      tool: "bash",
      what: "touch made-never",
      reason: expect.stringContaining("not here"),
    });
    expect(denied?.by).not.toBe("muster");
  });

  it("outlives its worker: the next attempt is told, and makes the call under what was granted", async () => {
    const { runId, answer } = await lead.run(tasks("first"));
    await answer();
    for (const { pid } of await workersOf(runId)) kill(pid);
    await until("the worker is gone", async () => (await workersOf(runId)).length === 0);
    await lead.call({ action: "respond", run: runId, message: "approve for task" });
    await manifestWhen(project, runId, "the end", ({ status }) => status === "completed");
    const result = await lead.call({ action: "get", run: runId, task: "first" });
    expect(result.text).toContain("approve for task");
    expect(await filesBelow(project.directory)).toContain("made-later");
  });

  it("is denied past its deadline; several calls of one turn are asked one after the other", async () => {
    await project.settings({ permissions: { ask: ["bash(touch *)"], askMaxMs: 1_500 } });
    const { runId, answer } = await lead.run({ ...tasks("twice"), background: true });
    await answer();
    await manifestWhen(project, runId, "the end", ({ status }) => status === "completed");
    const denied = ofType(await project.journal(runId), "attempt.denied");
    expect(denied.map(({ what, by }) => [what, by])).toEqual([
      ["touch made-x", "muster"],
      ["touch made-y", "muster"],
    ]);
    expect(denied[0]?.reason).toContain("nobody decided in time");
  });
});
