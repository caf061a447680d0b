import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { copyOfCheckout } from "../package/packed.ts";
import { type Json, node, until } from "../support/host.ts";
import { hostArguments, type Lead, makeProject, manifestWhen, type Project } from "./support/lead.ts";
import { processesOf } from "./support/marked.ts";
import { submit, waitFor, worker } from "./support/rules.ts";

let project: Project;
let lead: Lead;
beforeAll(async () => {
  project = await makeProject();
  const again = join(project.place.top, "again.mjs");
  await writeFile(
    again,
    'export default (pi) => pi.registerCommand("again", { handler: (_, ctx) => ctx.reload() });',
  );
  await project.script("2-told", [
    { name: "told", when: { prompt: "Team run " }, turns: [[{ text: "Noted." }]] },
  ]);
  lead = await project.lead({ extensions: [again] });
});
afterAll(() => project.end());

/** Arguments of a run whose one task ends once the file `name` is there; `open` puts it there. */
async function gated(name: string): Promise<{ readonly args: Json; open(): Promise<void> }> {
  await project.script(`1-${name}`, [worker(name, [waitFor(name)], [submit(`${name} is done`)])]);
  const tasks = [{ id: "only", agent: "executor", task: `[${name}]` }];
  return { args: { action: "run", tasks }, open: () => writeFile(join(project.directory, name), "") };
}
async function newest(): Promise<string> {
  return (await project.runs()).at(-1) ?? "none";
}
const isOver = ({ finishedAt }: { finishedAt?: string }): boolean => finishedAt !== undefined;
const isAnswer = (event: Json): boolean =>
  event.type === "message_end" && JSON.stringify(event.message).includes('"role":"assistant"');
async function expectNothingLeft(runId: string): Promise<void> {
  await until(`nothing of ${runId} lives`, async () => (await processesOf(runId)).length === 0);
}

describe("a run in the background", () => {
  it("returns at once, and wakes an idle lead exactly once", async () => {
    const { args, open } = await gated("idle");
    const { isError, details } = await lead.call({ ...args, background: true });
    expect({ isError, live: ["queued", "running"].includes(String(details.status)) }).toEqual({
      ...{ isError: false, live: true },
    });
    const runId = details.runId ?? "none";
    expect(lead.notices(runId)).toEqual([]);
    await lead.idle();
    await open();
    await lead.host.event(() => lead.notices(runId).length > 0);
    const [notice] = lead.notices(runId);
    await lead.host.event(isAnswer, lead.host.events.indexOf(notice ?? {}));
    expect(await project.manifest(runId)).toMatchObject({ status: "completed", background: true });
    await lead.idle();
    await expectNothingLeft(runId);
    expect(lead.notices(runId)).toHaveLength(1);
  });

  it("tells a lead that is talking when it has finished", async () => {
    const { args, open } = await gated("talking");
    const runId = (await lead.call({ ...args, background: true })).details.runId ?? "none";
    await project.script("0-talk", [
      { name: "talk", when: { prompt: "Talk for long" }, turns: [[{ tokens: 200, everyMs: 40 }]] },
    ]);
    await lead.idle();
    const since = lead.host.events.length;
    await lead.host.request({ type: "prompt", message: "Talk for long." });
    await open();
    await manifestWhen(project, runId, "its end", isOver);
    const talk = lead.host.events.indexOf(
      await lead.host.event((event) => isAnswer(event) && JSON.stringify(event).includes("token200"), since),
    );
    await lead.host.event(() => lead.notices(runId).length > 0);
    const told = lead.host.events.indexOf(lead.notices(runId)[0] ?? {});
    expect(told).toBeGreaterThan(talk);
    await lead.host.event(isAnswer, told);
    await lead.idle();
    expect(lead.notices(runId)).toHaveLength(1);
  });

  it("goes on when a host that exits after its prompt is gone; the session's next host tells of it", async () => {
    const { args, open } = await gated("print");
    const turns = [
      [{ tool: "team", arguments: { ...args, background: true } }],
      [{ text: "It is started." }],
    ];
    await project.script("0-print", [{ name: "print", when: { prompt: "print it" }, turns }]);
    const printing = await project.lead({ mode: ["--mode", "json", "-p", "print it"] });
    printing.host.closeInput();
    expect(await printing.host.exit).toBe(0);
    const runId = await newest();
    expect(isOver(await project.manifest(runId))).toBe(false);
    await open();
    expect(await manifestWhen(project, runId, "its end", isOver)).toMatchObject({ status: "completed" });
    await expectNothingLeft(runId);
    const next = await project.lead({ mode: ["--mode", "rpc", "--continue"] });
    await next.host.event(() => next.notices(runId).length > 0);
    await next.idle();
    expect(next.notices(runId)).toHaveLength(1);
    await next.host.end();
  });
});

describe("a run that its session waits for", () => {
  it("is over when a host that prints its answer exits", async () => {
    const { args, open } = await gated("foreground");
    await open();
    const turns = [[{ tool: "team", arguments: args }], [{ text: "So: {lastToolResult}" }]];
    await project.script("0-foreground", [{ name: "foreground", when: { prompt: "do it now" }, turns }]);
    const mode = ["-p", "--no-session", "do it now"];
    const printing = promisify(execFile)(node, hostArguments({ mode }), {
      cwd: project.directory,
      env: project.environment(),
    });
    printing.child.stdin?.end();
    expect((await printing).stdout).toContain("foreground is done");
    const runId = await newest();
    expect(await project.manifest(runId)).toMatchObject({ status: "completed" });
    await expectNothingLeft(runId);
  });

  const ways: readonly [string, (host: Lead["host"]) => unknown][] = [
    ["is killed", ({ pid }) => process.kill(pid, "SIGKILL")],
    ["is asked to end", ({ pid }) => process.kill(pid, "SIGTERM")],
    ["loses its terminal", ({ pid }) => process.kill(pid, "SIGHUP")],
    ["quits", (host) => host.closeInput()],
  ];
  it.each(ways)("is parked when its host %s, seen so by another, and goes on there", async (way, end) => {
    const { args, open } = await gated(`parked-when-it-${way.replaceAll(" ", "-")}`);
    const owner = await project.lead();
    const { runId } = await owner.run(args);
    await manifestWhen(project, runId, "a worker", ({ tasks: [only] }) => only?.status === "running");
    expect((await lead.call({ action: "list" })).text).toContain(runId);
    end(owner.host);
    await owner.host.exit;
    const parked = await manifestWhen(project, runId, "parked", ({ status }) => status === "blocked");
    expect(parked).toMatchObject({ status: "blocked", cause: "owner_gone" });
    await expectNothingLeft(runId);
    const { text } = await lead.call({ action: "list" });
    expect(text.split("\n").find((line) => line.includes(runId))).toContain("blocked");
    await open();
    const resumed = await lead.call({ action: "resume", run: runId });
    expect({ isError: resumed.isError, text: resumed.text }).toMatchObject({ isError: false });
    expect(await manifestWhen(project, runId, "its end", isOver)).toMatchObject({
      ...{ status: "completed", tasks: [{ status: "completed", attempts: 2 }] },
    });
    await expectNothingLeft(runId);
  });

  it("goes on when its host begins another session while the call waits", async () => {
    const { args, open } = await gated("switched");
    const owner = await project.lead();
    const { runId } = await owner.run(args);
    await manifestWhen(project, runId, "a worker", ({ tasks: [only] }) => only?.status === "running");
    await owner.host.request({ type: "new_session" });
    // Longer than an Esc needs to be told from this.
    await pause(2_500);
    expect((await owner.call({ action: "status", run: runId })).details.status).toBe("running");
    await open();
    const { status, tasks } = await manifestWhen(project, runId, "its end", isOver);
    expect({ status, attempts: tasks[0]?.attempts }).toEqual({ status: "completed", attempts: 1 });
    await owner.host.end();
  });

  it.each(["a reload", "a new session"])("is not disturbed by %s of its host", async (what) => {
    const name = what.replaceAll(" ", "-");
    const { open } = await gated(name);
    const owner = what === "a reload" ? lead : await project.lead();
    expect(await owner.command(`/team-run --agent executor [${name}]`)).toContain("Started run");
    const runId = await newest();
    await manifestWhen(project, runId, "a worker", ({ tasks: [only] }) => only?.status === "running");
    await owner.host.request(
      what === "a reload" ? { type: "prompt", message: "/again" } : { type: "new_session" },
    );
    expect((await owner.call({ action: "status", run: runId })).details.status).toBe("running");
    await open();
    expect(await manifestWhen(project, runId, "its end", isOver)).toMatchObject({
      ...{ status: "completed", tasks: [{ attempts: 1 }] },
    });
    if (what === "a reload") {
      await owner.host.event(() => owner.notices(runId).length > 0);
      await owner.idle();
      expect(owner.notices(runId)).toHaveLength(1);
    } else await owner.host.end();
  });
});

describe("a checkout that was never built", () => {
  it("runs from its sources", async () => {
    const checkout = await mkdtemp(join(tmpdir(), "muster-sources-"));
    try {
      await copyOfCheckout(checkout);
      const { args, open } = await gated("sources");
      await open();
      const unbuilt = await project.lead({ sources: checkout });
      const { isError, text } = await unbuilt.call(args);
      expect({ isError, text }).toMatchObject({ isError: false });
      expect(text).toContain("sources is done");
      await unbuilt.host.end();
      await expectNothingLeft(await newest());
    } finally {
      await rm(checkout, { recursive: true, force: true });
    }
  });
});
