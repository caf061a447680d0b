import { afterEach, expect, test, vi } from "vitest";
import type { ActionContext, ActionResult } from "../../src/actions/context.ts";
import { replyType } from "../../src/host/notice.ts";
import type { FakePi } from "./fake-pi.ts";
import { settle, World } from "./fake-world.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const answers =
  (text: string, ok = true) =>
  async (action: string): Promise<ActionResult> => ({
    ok,
    text,
    details: { action, ok },
  });
const type = async (pi: FakePi, name: string, line = ""): Promise<void> =>
  pi.commands.get(name)?.handler(line, pi.context());

/** An action that answers when it is told to. */
function slow(world: World, text: string): () => void {
  let end = (): void => undefined;
  world.perform = (action) =>
    new Promise((resolve) => {
      end = () => resolve({ ok: true, text, details: { action, ok: true } });
    });
  return () => end();
}

test("a short answer is a line, a long one a message that can be folded", async () => {
  const world = new World();
  const pi = await world.start();
  world.perform = answers("all quiet");
  await type(pi, "team-status");
  expect(world.session.notes).toEqual([{ text: "all quiet", level: "info" }]);
  world.perform = answers(Array.from({ length: 60 }, (_, line) => `line ${line}`).join("\n"));
  await type(pi, "team-list");
  expect(world.session.sent).toMatchObject([
    { message: { customType: replyType, display: true }, options: undefined },
  ]);
  const theme = { fg: (_: string, text: string) => text } as never;
  const message = world.session.sent[0]?.message as never;
  const draw = (expanded: boolean) =>
    pi.renderers.get(replyType)?.(message, { expanded }, theme)?.render(40) ?? [];
  expect(draw(false).at(-1)).toBe("+37 more · ctrl+o");
  expect(draw(true)).toHaveLength(61);
});

test("while the agent works a long answer does not steer it", async () => {
  const world = new World();
  const pi = await world.start();
  world.session.isIdle = false;
  world.perform = answers("line\n".repeat(60));
  await type(pi, "team-list");
  expect([world.session.sent.length, world.session.notes.length]).toEqual([0, 1]);
});

test("what goes wrong is shown as an error, and nothing is thrown", async () => {
  const world = new World();
  const pi = await world.start();
  world.perform = answers("there is no run x", false);
  await type(pi, "team-status", "x");
  world.perform = () => Promise.reject(new Error("broken"));
  await type(pi, "team-status", "x");
  await type(pi, "team", "dance");
  expect(world.session.notes.map(({ level }) => level)).toEqual(["error", "error", "error"]);
  expect(world.session.notes[2]?.text).toContain("/team-run dance");
});

test("a slow command answers visibly within a second and keeps nobody waiting", async () => {
  const world = new World();
  const pi = await world.start();
  const end = slow(world, "at last");
  const handled = type(pi, "team-doctor");
  await world.clock.advance(900);
  await handled;
  expect(world.session.notes.map(({ text }) => text)).toEqual([
    "/team-doctor is at work; its answer appears here",
  ]);
  end();
  await settle();
  expect(world.session.notes.at(-1)?.text).toBe("at last");
});

test("an answer that comes after the session is over is swallowed", async () => {
  const world = new World();
  const pi = await world.start();
  const end = slow(world, "late");
  const handled = type(pi, "team-doctor");
  await settle();
  await pi.end("new");
  end();
  await handled;
  await settle();
  expect([world.session.notes.length, world.clock.sleeping]).toEqual([0, 0]);
});

test("without a person the command waits, and its answer is on stderr and in the stream", async () => {
  const world = new World();
  Object.assign(world.session, { mode: "print", hasUI: false });
  const pi = await world.start();
  const stderr = vi.spyOn(console, "error").mockReturnValue();
  let returnsAtOnce: boolean | undefined;
  world.perform = async (action, line, context) => {
    returnsAtOnce = context.returnsAtOnce;
    return { ok: true, text: `did ${line}`, details: { action, ok: true } };
  };
  await type(pi, "team-run", "it");
  expect(stderr).toHaveBeenCalledWith("did it");
  expect(world.session.sent).toMatchObject([{ message: { customType: replyType } }]);
  expect(returnsAtOnce).toBeFalsy();
});

test("who asks, from where and with which model is told to the action", async () => {
  const world = new World();
  const pi = await world.start();
  let seen: ActionContext | undefined;
  world.perform = async (action, _line, context) => {
    seen = context;
    return { ok: true, text: "", details: { action, ok: true } };
  };
  await type(pi, "team", "run fix it");
  expect(seen?.requester).toEqual({
    nesting: { depth: 0, depthMax: 2 },
    cwd: "/project",
    sessionId: "session-1",
    host: { pid: 1, startTime: "1", bootId: "b" },
    trusted: true,
    staysAlive: true,
    model: "fake/model:medium",
    origin: { kind: "user", id: "/team-run" },
  });
  expect(seen?.returnsAtOnce).toBe(true);
  const names = ((await seen?.checks()) ?? []).map(({ name }) => name);
  const wanted = ["node", "pi for workers", "git", "model", "disk", "tool name", "process table", "depth"];
  expect(names).toEqual(expect.arrayContaining(wanted));
});

test("arguments are completed by the action's own table, in both spellings", async () => {
  const pi = await new World().start();
  const complete = async (name: string, typed: string) =>
    pi.commands.get(name)?.getArgumentCompletions?.(typed);
  expect(await complete("team-run", "--te")).toEqual([{ value: "--terun!", label: "run" }]);
  expect(await complete("team", "run --te")).toEqual([{ value: "run --terun!", label: "run" }]);
  expect(await complete("team", "l")).toMatchObject([{ value: "list" }]);
});
