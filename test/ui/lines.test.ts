import fc from "fast-check";
import { expect, test } from "vitest";
import { runView } from "../../src/core/run-view.ts";
import type { MailView } from "../../src/core/view.ts";
import { callLines, readCard, resultLines } from "../../src/ui/card.ts";
import { reportWords, words } from "../../src/ui/strings.ts";
import { asciiTheme, plainTheme } from "../../src/ui/theme.ts";
import { isShown, statusText, widgetLines } from "../../src/ui/widget.ts";
import { ansiTheme, anyText, anyView, anyWidth, expectFitting, taskOf, viewOf } from "./arbitrary.ts";
import { approvals } from "./screens.ts";

const usage = { input: 12_000, output: 1_300, cacheRead: 40_000, cacheWrite: 0, cost: 0.0123, turns: 4 };

test("whatever a run looks like, every line fits every width and nothing throws", () => {
  fc.assert(
    fc.property(
      fc.array(anyView, { maxLength: 5 }),
      anyWidth,
      fc.double(),
      fc.boolean(),
      fc.nat(12),
      (views, width, now, expanded, linesMax) => {
        for (const theme of [ansiTheme, asciiTheme(ansiTheme)]) {
          const lines = widgetLines(views, now, width, theme, linesMax);
          expectFitting(lines, width);
          expect(lines.length).toBeLessThanOrEqual(linesMax);
        }
        statusText(views, now);
        for (const view of views) {
          const result = { details: view, text: view.goal };
          expectFitting(callLines({ ...view, action: "run" }, width, ansiTheme), width);
          expectFitting(resultLines(result, expanded, width, ansiTheme), width);
        }
      },
    ),
    { numRuns: 400 },
  );
});

test("details of any shape are read or left out, never thrown over", () => {
  fc.assert(
    fc.property(
      fc.anything({ withNullPrototype: true }),
      anyText,
      anyWidth,
      fc.boolean(),
      (details, text, width, expanded) => {
        readCard(details);
        expectFitting(callLines(details, width, ansiTheme), width);
        expectFitting(resultLines({ details, text }, expanded, width, ansiTheme), width);
        expectFitting(
          resultLines(
            { details: { tasks: [details], counts: details, usage: details, paths: [details] }, text },
            expanded,
            width,
            ansiTheme,
          ),
          width,
        );
      },
    ),
    { numRuns: 1_000 },
  );
});

test("ten thousand tasks cost a screen, not more", () => {
  const tasks = Array.from({ length: 10_000 }, (_, index) => taskOf({ id: `t${index}`, startedAt: index }));
  const view = viewOf({ tasks });
  expect(widgetLines([view], 0, 80, plainTheme)).toHaveLength(10);
  const details = { status: "running", tasks: tasks.map(({ id, agent, status }) => ({ id, agent, status })) };
  expect(resultLines({ details, text: "" }, true, 80, plainTheme).length).toBeLessThan(510);
  expect(resultLines({ details, text: "" }, false, 80, plainTheme)).toHaveLength(5);
});

test("the widget shows live runs, failures longer than successes, and nothing when idle", () => {
  const done = viewOf({ status: "completed", finishedAt: 1_000 });
  const failed = viewOf({ status: "failed", finishedAt: 1_000 });
  expect(widgetLines([], 0, 80, plainTheme)).toEqual([]);
  expect(isShown(done, 5_000)).toBe(true);
  expect(widgetLines([done, failed], 20_000, 80, plainTheme)).toHaveLength(1);
  expect(widgetLines([done, failed], 40_000, 80, plainTheme)).toEqual([]);
});

test("a row says who works at what, for how long and at which price; running tasks come first, by start", () => {
  const view = viewOf({
    workflow: "implementation",
    usage,
    tasks: [
      taskOf({ id: "later", startedAt: 9_000, tool: "bash", activity: "npm test", usage }),
      taskOf({ id: "again", status: "retrying", reason: "tries again in 4 s" }),
      taskOf({ id: "first", startedAt: 5_000, activity: "reading" }),
      taskOf({ id: "done", status: "completed" }),
      taskOf({ id: "next", status: "pending" }),
    ],
  });
  expect(widgetLines([view], 65_000, 120, plainTheme)).toEqual([
    "● implementation █░░░░░░░ 1/5 · 2 running · 1 retrying · 1m05s · ↑12k ↓1.3k $0.012 goal",
    "  ● first executor 1m00s reading",
    "  ● later executor 56s ↑12k ↓1.3k $0.012 bash: npm test",
    "  ↻ again executor tries again in 4 s",
  ]);
});

test("who must act, and how, stands below the run; the footer counts it", () => {
  const question: MailView = {
    ...{ id: "q1", from: "build", to: "lead", kind: "question", text: "left or right?" },
    ...{ at: 0, status: "produced" },
  };
  const tasks = [taskOf({ id: "build", status: "waiting", reason: "asks: left or right?" })];
  const asking = viewOf({ status: "waiting", tasks, questions: [question] });
  const parked = viewOf({ runId: "run-2", status: "blocked", reason: "its owner is gone", createdAt: 1 });
  const lines = widgetLines([asking, parked], 0, 100, plainTheme);
  expect(lines.filter((line) => line.includes("needs you"))).toEqual([
    "  ? needs you: /team-respond … --run run-00000001 build asks: left or right?",
    "  ? needs you: /team-resume run-2 its owner is gone",
  ]);
  expect(statusText([asking, parked], 0)).toBe("? team 2 runs · 0/1 · 0 at work · 2 need you");
  expect(statusText([], 0)).toBeUndefined();
});

test("where there are more runs than lines, the last line counts those that are hidden", () => {
  const runs = Array.from({ length: 5 }, (_, at) => viewOf({ createdAt: at, goal: `goal ${at}` }));
  const lines = widgetLines(runs, 10, 80, plainTheme, 3);
  expect(lines).toHaveLength(3);
  expect(lines[2]).toBe("+3 more runs · /team");
  expect(widgetLines(runs, 10, 80, plainTheme, 0)).toEqual([]);
});

test("of more than fits, what waits for a person is hidden last; else nothing changes its place", () => {
  const ask = (from: string): MailView => ({
    ...{ id: `q-${from}`, from, to: "lead", kind: "question", text: "which?" },
    ...{ at: 0, status: "produced" },
  });
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { maxLength: 8 }),
      fc.integer({ min: 3, max: 16 }),
      (needing, linesMax) => {
        const runs = needing.map((isAsking, at) =>
          viewOf({
            ...{ createdAt: at, workflow: `run-${at}.`, status: isAsking ? "waiting" : "running" },
            ...(isAsking && { questions: [ask(`task-${at}.`)] }),
          }),
        );
        const text = widgetLines(runs, 10, 200, plainTheme, linesMax).join("\n");
        const shown = runs.filter(({ workflow = "" }) => text.includes(workflow));
        const isFitting = runs.length + needing.filter(Boolean).length <= linesMax;
        const placed = [...shown].sort(
          (a, b) => text.indexOf(a.workflow ?? "") - text.indexOf(b.workflow ?? ""),
        );
        const asking = shown.filter(({ questions }) => questions.length > 0);
        if (isFitting) expect(placed).toEqual(runs);
        else expect(placed).toEqual([...asking, ...shown.filter((run) => !asking.includes(run))]);
        // None that asks nothing takes the place of one that asks.
        if (shown.length > asking.length) expect(asking).toHaveLength(needing.filter(Boolean).length);
      },
    ),
  );
});

test("one of anything is never several", () => {
  const nouns =
    /\b1 (?:[a-z]+ )?(?:tasks|runs|files|records|lines|attempts|problems|calls|letters|events|changes|commands|entries|characters)\b/;
  const told = (entry: unknown): readonly string[] => {
    if (typeof entry === "function") {
      try {
        return [String(entry(...Array(8).fill(1)))];
      } catch {
        return [String(entry(...Array(8).fill(["1"])))];
      }
    }
    return typeof entry === "object" && entry !== null ? Object.values(entry).flatMap(told) : [String(entry)];
  };
  const all = told([words, reportWords]);
  expect(all.length).toBeGreaterThan(350);
  expect(all.filter((text) => nouns.test(text))).toEqual([]);
});

test("what a run's own word says is not counted beside it, and what only waits for room says so", () => {
  const failed = viewOf({ status: "failed", finishedAt: 0, tasks: [taskOf({ id: "a", status: "failed" })] });
  expect(widgetLines([failed], 0, 80, plainTheme)).toEqual(["✗ team failed 0/1 · 0s goal"]);
  const idle = viewOf({ reason: "waits for a free worker", tasks: [taskOf({ id: "a", status: "pending" })] });
  expect(widgetLines([idle], 0, 80, plainTheme)).toEqual([
    "● team ░░░░░░░░ 0/1 · 0s waits for a free worker goal",
  ]);
});

test("in ascii mode no sign of ours and no emoji is drawn, and everything is as wide as before", () => {
  const view = viewOf({ goal: "größer 👍🏽 machen …", tasks: [taskOf({ id: "build" })] });
  const [line = ""] = widgetLines([view], 0, 120, asciiTheme(plainTheme));
  expect(line).toBe("* team ........ 0/1 - 1 running - 0s größer ?? machen ~");
});

test("a call is named by its action, its subject and its goal", () => {
  expect(callLines({ action: "run", workflow: "review", goal: "look at\nthis" }, 80, plainTheme)).toEqual([
    "team run review look at this",
  ]);
  expect(callLines({ action: "run", tasks: [{}, {}] }, 80, plainTheme)).toEqual(["team run 2 tasks"]);
  expect(callLines(undefined, 80, plainTheme)).toEqual(["team"]);
});

test("a collapsed result puts what failed first and counts the rest; expanded it tells everything", () => {
  const tasks = ["a", "b", "c", "d"].map((id) => ({ id, agent: "executor", status: "completed" }));
  const failed = {
    id: "e",
    agent: "critic",
    status: "failed",
    cause: "timeout",
    reason: "silent for 5 min",
    usage,
  };
  const result = {
    details: { ok: false, runId: "r1", status: "failed", tasks: [...tasks, failed], usage, paths: ["/p/r1"] },
    text: "",
  };
  expect(resultLines(result, false, 100, plainTheme)).toEqual([
    "✗ failed 4 completed, 1 failed · ↑12k ↓1.3k R40k $0.012 r1",
    "✗ e critic failed (timeout) ↑12k ↓1.3k R40k $0.012 silent for 5 min",
    "✓ a executor completed",
    "✓ b executor completed",
    "+2 more · ctrl+o",
  ]);
  const expanded = resultLines(result, true, 100, plainTheme);
  expect(expanded.slice(-3)).toEqual([
    "✗ e critic failed (timeout) ↑12k ↓1.3k R40k $0.012",
    "    silent for 5 min",
    "files: /p/r1",
  ]);
});

test("a call that set a run going says so for ever; one that waits shows how far it is", () => {
  const tasks = [{ id: "a", agent: "executor", status: "pending" }];
  const details = { action: "run", ok: true, runId: "r1", status: "queued", tasks, counts: { pending: 1 } };
  const result = { details, text: "Started run r1 with 1 task.\nLook: team status run=r1." };
  const said = ["Started run r1 with 1 task.", "Look: team status run=r1."];
  expect(resultLines(result, false, 80, plainTheme)).toEqual(said);
  expect(resultLines({ ...result, isPartial: true }, false, 80, plainTheme)).toEqual([
    "○ queued 1 pending r1",
    "○ a executor pending",
  ]);
  const parked = { ...result, details: { ...details, status: "blocked" } };
  const looked = { ...result, details: { ...details, action: "status" } };
  for (const other of [parked, looked]) expect(resultLines(other, false, 80, plainTheme)).not.toEqual(said);
});

test("a result without tasks shows the beginning of its text, expanded all of it", () => {
  const result = { details: { action: "help", ok: true }, text: "1\n2\n3\n4\n5" };
  expect(resultLines(result, false, 80, plainTheme)).toEqual(["1", "2", "3", "+2 more · ctrl+o"]);
  expect(resultLines(result, true, 80, plainTheme)).toHaveLength(5);
});

test("a run's line says how it ended once, and from where", () => {
  const ended = (by: string) => {
    const history = approvals();
    history.command({ kind: "cancel", id: "c", by, reason: "enough" }, { workers: 9, writer: true });
    const view = runView(history.state, history.now);
    return view === undefined ? [] : widgetLines([view], history.now, 200, plainTheme);
  };
  expect(ended("0192f3a4-77b1")).toEqual([
    "⊘ team cancelled 0/2 · 10s · ↑24k ↓1.8k $0.062 enough (from another session) A house",
  ]);
  expect(ended("session-1")[0]).toContain("0.062 enough (from its own session)");
});
