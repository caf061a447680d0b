import { expect, test } from "vitest";
import type { FakePi } from "./fake-pi.ts";
import { settle, World } from "./fake-world.ts";

test.each([
  ["Esc", "Esc"],
  ["the end of the session", "shutdown"],
])("%s aborts a waiting call with the reason %s", async (first, reason) => {
  const world = new World();
  let seen: unknown;
  world.perform = (action, _raw, { signal }) =>
    new Promise((resolve) => {
      signal?.addEventListener("abort", () => {
        seen = signal.reason;
        resolve({ ok: true, text: "", details: { action, ok: true } });
      });
    });
  const pi = await world.start();
  const host = new AbortController();
  const tool = pi.tools.get("team");
  const call = tool?.execute("c", { action: "run" } as never, host.signal, undefined, pi.context());
  await settle();
  if (first !== "Esc") await pi.end("quit");
  host.abort("Esc");
  await call;
  expect(seen).toBe(reason);
});

const endings: readonly [string, boolean, (world: World, pi: FakePi) => Promise<unknown>][] = [
  ["an Esc: the host is idle, and the session goes on", true, ({ clock }) => clock.advance(1_500)],
  [
    "an Esc: the agent works on the next prompt",
    true,
    async ({ clock, session }, pi) => {
      session.isIdle = false;
      await pi.emit("agent_start");
      await clock.advance(200);
    },
  ],
  [
    "undecided while the host is at work",
    false,
    ({ clock, session }) => {
      session.isIdle = false;
      return clock.advance(60_000);
    },
  ],
  [
    "no Esc: the session ends",
    false,
    async ({ clock }, pi) => {
      await clock.advance(500);
      await pi.end("quit");
      await clock.advance(60_000);
    },
  ],
];
test.each(endings)(
  "where the host aborts before it says why, the call returns at once, and it was %s",
  async (_, isEsc, then) => {
    const world = new World();
    world.session.abortsFirst = true;
    const host = new AbortController();
    const reasons: unknown[] = [];
    world.perform = (action, _raw, { signal }) =>
      new Promise((resolve) => {
        signal?.addEventListener("abort", () => {
          reasons.push(signal.reason);
          resolve({ ok: true, text: "", details: { action, ok: true } });
        });
      });
    const pi = await world.start();
    const call = pi.tools
      .get("team")
      ?.execute("c", { action: "run" } as never, host.signal, undefined, pi.context());
    await settle();
    host.abort("Esc");
    expect((await call)?.content).toMatchObject([{ text: expect.stringContaining("Stopped waiting") }]);
    expect(reasons).toEqual([]);
    await then(world, pi);
    expect(reasons.includes("Esc")).toBe(isEsc);
  },
);
