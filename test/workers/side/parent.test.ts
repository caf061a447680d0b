import { describe, expect, it } from "vitest";
import { guardParent } from "../../../src/workers/side/parent.ts";

/** Plays a life: at each poll the parent's pid and whether the driver exists; yields what was sent to itself. */
async function live(
  driver: number,
  polls: readonly { parent: number; driver: boolean }[],
): Promise<string[]> {
  const sent: string[] = [];
  const stop = new AbortController();
  let at = 0;
  const now = (): { parent: number; driver: boolean } =>
    polls[Math.min(at, polls.length - 1)] ?? { parent: 0, driver: false };
  await guardParent(
    driver,
    { parent: () => now().parent, exists: () => now().driver, endSelf: (signal) => void sent.push(signal) },
    {
      sleep: async () => {
        at += 1;
        if (at >= polls.length) stop.abort();
      },
    },
    stop.signal,
  );
  return sent;
}

describe("guardParent", () => {
  it("lets a worker live as long as its driver", async () => {
    expect(await live(10, Array(20).fill({ parent: 10, driver: true }))).toEqual([]);
  });

  it("ends a worker whose driver is gone, first gently, then for certain", async () => {
    expect(
      await live(10, [
        { parent: 10, driver: true },
        { parent: 1, driver: false },
      ]),
    ).toEqual(["SIGTERM", "SIGKILL"]);
  });

  it("ends a worker that was orphaned before it looked", async () => {
    expect(await live(10, [{ parent: 1, driver: false }])).toEqual(["SIGTERM", "SIGKILL"]);
  });

  it("allows a shell script between driver and worker, while both live", async () => {
    expect(await live(10, Array(5).fill({ parent: 11, driver: true }))).toEqual([]);
    const orphaned = [
      { parent: 11, driver: true },
      { parent: 11, driver: false },
    ];
    expect(await live(10, orphaned)).toEqual(["SIGTERM", "SIGKILL"]);
    expect(
      await live(10, [
        { parent: 11, driver: true },
        { parent: 1, driver: true },
      ]),
    ).toEqual(["SIGTERM", "SIGKILL"]);
  });
});
