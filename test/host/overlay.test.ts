import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { type Opening, openDashboard } from "../../src/host/dashboard.ts";
import type { LiveSession } from "../../src/host/session.ts";
import { noHistory } from "../support/past.ts";
import { finished, live, settle, World } from "./fake-world.ts";

/** As much of a session as a screen stands on, and the screens that it was given. */
function stage(world: World) {
  const end = new AbortController();
  const screens: { dispose(): void; render(width: number): string[] }[] = [];
  const terminal = { columns: 120, rows: 24 };
  const theme = { fg: (_: string, text: string) => text, bold: (text: string) => text };
  const ui = {
    custom: async (make: (...given: unknown[]) => (typeof screens)[number]) => {
      screens.push(make({ terminal, requestRender: () => undefined }, theme, {}, () => undefined));
    },
  };
  const part: unknown = {
    ...{ id: "session-1", signal: end.signal, screens: 0, report: expect.unreachable },
    look: { refresh: async () => undefined, isAscii: false },
    load: async () => ({ project: { engine: world.engine, history: noHistory("/project") } }),
    touch: (act: (ctx: object) => void) => act({ ui }),
  };
  return { session: part as LiveSession, screens, end };
}

const nothing = async (): Promise<void> => undefined;
const all: Opening = { line: "", screen: "dashboard" };

test("a screen that the host takes away counts no more, and its session holds on to none", async () => {
  const world = new World();
  const { session, screens, end } = stage(world);
  for (let round = 0; round < 3; round++) {
    await openDashboard(session, world, all, nothing);
    expect(session.screens).toBe(1);
    screens.at(-1)?.dispose();
    expect(session.screens).toBe(0);
  }
  expect(getEventListeners(end.signal, "abort")).toEqual([]);
});

test("a run that is not among the newest is opened by its id once the rest is listed", async () => {
  const world = new World();
  const id = (at: number): string => `run-${String(at).padStart(8, "0")}`;
  for (let at = 101; at > 0; at--)
    world.engine.append(id(at), ...live(id(at), "session-1", true), ...finished("completed"));
  const list = world.engine.list.bind(world.engine);
  world.engine.list = async (only?: string, terms: { readonly newestMax?: number } = {}) =>
    (await list(only)).slice(0, terms.newestMax);
  const read = world.engine.read.bind(world.engine);
  const seen: string[] = [];
  world.engine.read = (runId) => {
    seen.push(runId);
    return read(runId);
  };
  const { session, screens } = stage(world);
  await openDashboard(session, world, { line: id(1), screen: "transcript" }, nothing);
  await world.clock.advance(500);
  await settle();
  expect(seen.at(-1)).toBe(id(1));
  screens[0]?.dispose();
});
