import { expect, test } from "vitest";
import type { ActionResult } from "../../src/actions/context.ts";
import type { RunEvent } from "../../src/core/events.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import type { Desk } from "../../src/host/desk.ts";
import { editPlan } from "../../src/host/plan-editor.ts";
import { markedText, planText, readPlanText } from "../../src/resources/plan-form.ts";
import { live, World } from "./fake-world.ts";

const run = "run-00000001";
const [start] = live(run, "session-1", true);
if (start?.type !== "run.started") throw new Error("a run begins with its start");
const settings = { ...defaultSettings, requireApproval: true };
const proposed = { ...start, terms: { ...start.terms, settings } };
const revised = (prompt: string): RunEvent => ({
  ...{ type: "plan.revised", request: prompt, revision: 2, by: "s2" },
  plan: { ...start.plan, tasks: start.plan.tasks.map((task) => ({ ...task, prompt })) },
});

/** Edits the plan: each round types what it makes of the shown text, after which the request is answered. */
async function edit(
  rounds: readonly ((shown: string, world: World) => string | undefined)[],
  answers: readonly (() => Promise<Partial<ActionResult>>)[],
) {
  const world = new World();
  world.engine.append(run, proposed);
  const shown: string[] = [];
  const asked: unknown[] = [];
  const desk: Desk = {
    ...{ sessionId: "session-1", engine: world.engine, clock: world.clock },
    signal: new AbortController().signal,
    ui: {
      select: async () => undefined,
      input: async () => undefined,
      editor: async (_, text = "") => {
        const round = rounds[shown.push(text) - 1];
        return round?.(text, world);
      },
    },
    planForm: { write: planText, read: readPlanText, mark: markedText },
    agents: async () => [],
    request: async (_, raw) => {
      const answer = await answers[asked.push(raw) - 1]?.();
      return { ok: false, text: "refused", details: { action: "respond", ok: false }, ...answer };
    },
    perform: async () => undefined,
    say: () => undefined,
  };
  return { result: await editPlan(desk, run), shown, asked };
}

const typed = (text: string): string => text.replace("do it", "do more");

test("whatever breaks while a plan is edited, the text opens again as it was typed", async () => {
  const broken = async (): Promise<never> => {
    throw new Error("the disk is gone");
  };
  const { result, shown } = await edit([typed, (text) => text], [broken, async () => ({ ok: true })]);
  expect(shown[1]).toContain("plan: the disk is gone");
  expect(shown[1]).toContain("do more");
  expect(result?.ok).toBe(true);
});

test("a revision that somebody else made takes no edit of the one that was shown, also after a slip", async () => {
  const slip = (text: string, world: World): string => {
    world.engine.append(run, revised("another thing"));
    return `${typed(text)}\n- nonsense`;
  };
  const { asked } = await edit([slip, (text) => text.replace("\n- nonsense", ""), (text) => text], []);
  expect(asked).toMatchObject([{ name: "plan-1" }, { name: "plan-2" }]);
});
