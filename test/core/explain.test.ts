import { describe, expect, it } from "vitest";
import { attemptsOf, explainRun, explainTask } from "../../src/core/explain.ts";
import { addUsage, noUsage } from "../../src/core/outcome.ts";
import { runView } from "../../src/core/run-view.ts";
import { isFinalRun } from "../../src/core/status.ts";
import type { RunView } from "../../src/core/view.ts";
import { failed, plan, task } from "../support/plan.ts";
import { Random } from "../support/random.ts";
import { History } from "./history.ts";
import { walk } from "./walk.ts";

const room = { workers: 4, writer: true };

function viewOf(history: History): RunView {
  const view = runView(history.state, history.now);
  if (view === undefined) throw new Error("not started");
  return view;
}

function taskIn(view: RunView, id: string) {
  const found = view.tasks.find((each) => each.id === id);
  if (found === undefined) throw new Error(`no task ${id}`);
  return found;
}

describe("what is said of a run", () => {
  const chain = () => plan(task("a", [], { retries: 0 }), task("b", ["a"]), task("c", ["b"]));

  it("while it goes on: what it waits for, and what comes after that", () => {
    const history = History.started(chain());
    history.command({ kind: "tick" }, room);
    const view = viewOf(history);
    expect(explainRun(view)).toEqual(["It waits for a (running).", "After that: b, c."]);
    expect(explainTask(view, taskIn(view, "c"))).toEqual([
      "c is pending: waits for b.",
      "b is pending: waits for a.",
      "a is running.",
    ]);
  });

  it("while a worker starts, and from when it is ready on", () => {
    const history = History.started(chain());
    history.command({ kind: "tick" }, room);
    expect(taskIn(viewOf(history), "a").activity).toBeUndefined();
    history.command({ kind: "ready", task: "a", attempt: 1 });
    expect(taskIn(viewOf(history), "a").activity).toBe("thinks");
  });

  it("once it failed: which task did, why, and what was skipped for it", () => {
    const history = History.started(chain());
    history.command({ kind: "tick" }, room);
    const outcome = failed({ cause: "timeout", message: "no answer?" });
    history.command({ kind: "ended", task: "a", attempt: 1, outcome }, room);
    const view = viewOf(history);
    expect(explainRun(view)).toEqual(["Failed: a (timeout, attempt 1).", "Skipped because of that: b, c."]);
    expect(explainTask(view, taskIn(view, "c")).at(-1)).toBe("a failed (timeout): no answer?");
  });

  it("what a worker asks ends as it asked it", () => {
    const history = History.started(chain());
    const mail = { id: "q", to: "lead", kind: "question", text: "Which one?" } as const;
    history.command({ kind: "wrote", task: "a", attempt: 1, mail }, room);
    const view = viewOf(history);
    expect(explainTask(view, taskIn(view, "a"))).toEqual(["a asks: Which one?"]);
  });
});

it("whatever happened to a run, every chain ends where something is to be told, and every attempt has its story", () => {
  for (let seed = 1; seed <= 150; seed++) {
    const { history } = walk(new Random(seed));
    if (history.state.status === "queued") continue;
    const view = viewOf(history);
    const stories = attemptsOf(history.events);
    const counted = stories.map(({ usage }) => usage).reduce(addUsage, noUsage);
    expect(counted.input, `seed ${seed}`).toBe(view.usage.input);
    for (const one of view.tasks) {
      const chain = explainTask(view, one);
      // "b is waiting: waits for approval", "c is cancelled: cancelled by …".
      expect(chain.join("\n"), `seed ${seed}`).not.toMatch(/ is ([a-z]{4})\w*(?: \(\w+\))?: (?:is )?\1/);
      expect(chain.join("\n"), `seed ${seed}`).not.toMatch(/ is (?:retrying|stopping)\b.*: (?:is|tries) /);
      const last = taskIn(view, (chain.at(-1) ?? "").split(" ")[0] ?? "");
      const open = last.dependsOn.some((id) => taskIn(view, id).status !== "completed");
      expect([last.status, open], `seed ${seed}`).not.toEqual(["pending", true]);
      expect(chain.length).toBeLessThanOrEqual(view.tasks.length);
      const own = stories.filter((story) => story.task === one.id);
      const expected = one.reusedFrom === undefined ? one.attempts : own.length;
      expect(
        own.map(({ attempt }) => attempt),
        `seed ${seed}`,
      ).toEqual(own.map((_, index) => index + 1));
      expect(own.length, `seed ${seed}`).toBe(expected);
      const isOver = isFinalRun(view.status) || ["completed", "failed"].includes(one.status);
      if (isOver) expect(own.filter(({ outcome }) => outcome === undefined)).toEqual([]);
    }
  }
});
