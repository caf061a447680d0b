import { expect, test } from "vitest";
import { live, settle, World } from "./fake-world.ts";

test("the board opens with its filter, opens a run, and asks for what its keys say", async () => {
  const world = new World();
  const pi = await world.start();
  const asked: unknown[] = [];
  world.perform = async (action, given) => {
    asked.push([action, given]);
    return { ok: true, text: "done", details: { action, ok: true } };
  };
  world.engine.append("run-00000001", ...live("run-00000001", "another session", true));
  await pi.commands.get("team-board")?.handler(" make ", pi.context());
  await settle();
  const screen = () => pi.overlayLines(120, 24).join("\n");
  await world.clock.advance(200);
  expect(screen()).toMatch(/\[● running 1\].*\/make/);
  expect(screen()).toMatch(/▸ make it work[\s\S]*0\/1 · 0s[\s\S]*of session another/);
  for (const key of ["x", "y"]) pi.overlayKey(key);
  await settle();
  expect(asked).toEqual([["cancel", { run: "run-00000001" }]]);
  pi.overlayKey("\r");
  expect(screen()).toContain("[1 Tasks]");
  for (const key of ["\x1b", "\x1b", "\x1b"]) pi.overlayKey(key);
  expect(pi.session.overlay).toBeUndefined();
});

test("a screen that is typed in the dashboard takes its place", async () => {
  const world = new World();
  const pi = await world.start();
  world.engine.append("run-00000001", ...live("run-00000001", "session-1", true));
  await pi.commands.get("team")?.handler("", pi.context());
  await settle();
  await world.clock.advance(200);
  for (const key of [":", ..."settings conc", "\r"]) pi.overlayKey(key);
  // Its code is loaded when somebody looks.
  const screen = () => pi.overlayLines(120, 24).join("\n");
  await expect.poll(screen, { timeout: 30_000 }).toMatch(/^Settings .*filter "conc"/);
  pi.overlayKey("q");
  expect(pi.session.overlay).toBeUndefined();
});

test("what was typed and refused stands in the box again, until it is sent", async () => {
  const world = new World();
  const pi = await world.start();
  const told: unknown[] = [];
  world.perform = async (action, given) => {
    told.push(given);
    return { ok: told.length > 1, text: "it broke off", details: { action, ok: told.length > 1 } };
  };
  world.engine.append("run-00000001", ...live("run-00000001", "session-1", true));
  await pi.commands.get("team")?.handler("", pi.context());
  await settle();
  await world.clock.advance(200);
  const screen = () => pi.overlayLines(120, 24).join("\n");
  for (const key of ["1", "s", ..."turn left", "\r"]) pi.overlayKey(key);
  await settle();
  expect(screen()).toContain("it broke off");
  pi.overlayKey("s");
  expect(screen()).toContain("turn left▏");
  pi.overlayKey("\r");
  await settle();
  pi.overlayKey("s");
  expect(screen()).not.toContain("turn left▏");
  expect(told[1]).toEqual(told[0]);
});

test("without a screen the list is the answer", async () => {
  const world = new World();
  world.session.mode = "rpc";
  const pi = await world.start();
  const asked: unknown[] = [];
  world.perform = async (action, given) => {
    asked.push([action, given]);
    return { ok: true, text: "none", details: { action, ok: true } };
  };
  await pi.commands.get("team")?.handler("board", pi.context());
  await settle();
  expect(asked).toEqual([["list", ""]]);
});
