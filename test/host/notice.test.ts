import fc from "fast-check";
import { expect, test } from "vitest";
import { askedText, messageRenderer, noticeMessage, noticeText } from "../../src/host/notice.ts";
import { ansiTheme, anyView, anyWidth, expectFitting, taskOf, viewOf } from "../ui/arbitrary.ts";

const renderMessage = messageRenderer(() => false);

test("a success is told in one line, a failure with reason and command", () => {
  const done = taskOf({ id: "a", status: "completed" });
  const usage = { input: 12_000, output: 1_300, cacheRead: 40_000, cacheWrite: 0, cost: 0.0123, turns: 4 };
  const success = viewOf({ status: "completed", finishedAt: 4_000, usage, tasks: [done] });
  expect(noticeText(success, "/d", 9_000)).toBe(
    "Team run run-00000001 completed in 4s: 1 task, ↑12k ↓1.3k R40k $0.012. Results: team summary run=run-00000001. Goal: goal",
  );
  const bad = taskOf({ id: "b", status: "failed", cause: "timeout", reason: "silent for 5 min" });
  const failure = viewOf({
    status: "failed",
    cause: "dependency_failed",
    finishedAt: 4_000,
    tasks: [done, bad],
  });
  expect(noticeText(failure, "/d", 9_000).split("\n")).toEqual([
    "Team: Run run-00000001 failed (dependency_failed) after 4s: 1 completed, 1 failed of 2 tasks.",
    "Goal: goal",
    "- b [executor] failed (timeout) silent for 5 min",
    "Next: team status run=run-00000001 task=b says what happened to it; then team retry run=run-00000001 keeps what finished.",
    "Files: /d",
  ]);
});

test("a person is told who asks, what, and the command that answers it", () => {
  const mail = { id: "plan-1", to: "lead", text: "3 tasks\nand more", at: 0, status: "produced" } as const;
  expect(askedText(viewOf({}), { ...mail, from: "muster", kind: "approval" })).toBe(
    "team: the plan of run run-00000001 waits for approval: 3 tasks and more\nAnswer: /team-respond --run run-00000001 --name plan-1 …; without more words, or by alt+a, in a dialog",
  );
  expect(askedText(viewOf({}), { ...mail, from: "cart", kind: "question" })).toMatch(
    /^team: task cart of run run-00000001 asks: 3 tasks/,
  );
});

test("a message shows what became of the run by its sign, and lets tasks, questions and commands stand out", () => {
  const theme = { fg: (color: string, text: string) => `${color}:${text}`, bold: (text: string) => text };
  const content =
    "Team: Run r failed\nGoal: g\n- b [executor] failed (timeout) x\n- c [a] running\n? Task d asks\nNext: team retry";
  const message = { content, details: { status: "failed" } };
  const drawn = (given: object, expanded = false) =>
    renderMessage(given as never, { expanded }, theme as never)?.render(80) ?? [];
  expect(drawn(message)).toEqual([
    ...["error:✗ Team: Run r failed", "text:Goal: g", "error:✗ b [executor] failed (timeout) x"],
    ...["accent:● c [a] running", "warning:? Task d asks", "accent:Next: team retry"],
  ]);
  const long = { content: "x\n".repeat(100).trimEnd() };
  expect([drawn(long).length, drawn(long, true).length]).toEqual([25, 100]);
  expect(drawn(long).at(-1)).toBe("dim:+76 more · ctrl+o");
});

test("whatever a run looks like, its notice fits every width, and its details are small", () => {
  fc.assert(
    fc.property(anyView, anyWidth, fc.boolean(), (view, width, expanded) => {
      const message = noticeMessage([{ view, told: "over", directory: "/dir" }], 2_000_000);
      const drawn = renderMessage(message as never, { expanded }, ansiTheme as never)?.render(width) ?? [];
      expectFitting(drawn, width);
    }),
  );
  const tasks = Array.from({ length: 10_000 }, (_, index) => taskOf({ id: `t${index}`, startedAt: index }));
  const big = { view: viewOf({ tasks }), told: "blocked", directory: "/dir" } as const;
  const { details } = noticeMessage([big], 0);
  expect(JSON.stringify(details).length).toBeLessThan(4_000);
});
