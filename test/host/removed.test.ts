import { expect, test } from "vitest";
import { noticeType } from "../../src/host/ledger.ts";
import { World } from "./fake-world.ts";

const runId = "run-00000001";

test("that a run was removed is told once, and at no later start", async () => {
  const world = new World();
  world.session.entries.push({ type: "custom", customType: "muster-run", data: { runId } });
  for (let start = 1; start <= 2; start += 1) {
    const pi = await world.start();
    await world.clock.advance(60_000);
    await pi.end("quit");
  }
  const told = world.session.notes.filter(({ text }) => text.includes("not here any more"));
  expect(told).toHaveLength(1);
  expect(world.session.sent.filter(({ message }) => message.customType === noticeType)).toEqual([]);
});
