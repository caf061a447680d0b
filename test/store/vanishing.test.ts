import { cpSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { pastWorld, started } from "../support/past.ts";

/** Before which look at the disk another session removes the run; `looks` counts them. */
const other = vi.hoisted(() => ({ removesAt: -1, looks: 0, run: "" }));
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const looks = ["lstat", "readdir", "open", "stat"] as const;
  const watched = Object.fromEntries(
    looks.map((name) => [
      name,
      async (...args: unknown[]) => {
        if (other.looks++ === other.removesAt) rmSync(other.run, { recursive: true, force: true });
        return await Reflect.apply(real[name], real, args);
      },
    ]),
  );
  return { ...real, ...watched };
});

it.each(["leftovers", "footprint", "list"] as const)(
  "%s: told whenever another session removes a run meanwhile",
  async (what) => {
    const world = await pastWorld();
    const [keeps, goes] = [await started(world), await started(world)];
    await Promise.all(world.drives);
    const run = join(world.root, "runs", goes);
    const copy = join(world.project, "copy");
    cpSync(run, copy, { recursive: true });
    // Until there are fewer looks than that.
    for (let at = 0; ; at += 1) {
      expect(at).toBeLessThan(500);
      Object.assign(other, { looks: 0, removesAt: at, run });
      if (what === "leftovers") await world.history.leftovers(new Set([keeps, goes]));
      else if (what === "footprint") await world.history.footprint(goes);
      else await world.engine.list();
      if (existsSync(run)) return;
      other.removesAt = -1;
      cpSync(copy, run, { recursive: true });
    }
  },
);
