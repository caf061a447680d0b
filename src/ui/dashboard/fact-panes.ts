import { atWork } from "../../core/candidates.ts";
import { estimate } from "../../core/estimate.ts";
import { addUsage, noUsage, type Usage } from "../../core/outcome.ts";
import type { Plan } from "../../core/plan.ts";
import { isFinalRun, type TaskStatus } from "../../core/status.ts";
import type { MailView, RunView, TaskView } from "../../core/view.ts";
import { countOf, formatCost, formatDuration, formatQuiet, formatUsage } from "../../lib/wording.ts";
import { bar, glyphOf } from "../glyph.ts";
import { wrapTold } from "../screen.ts";
import { words } from "../strings.ts";
import { modelName, reasonOf } from "../widget.ts";
import { cell, type Line, type Span, wrap } from "../width.ts";
import { pastOf } from "./preview.ts";
import type { Body, Dashboard, Scene } from "./scene.ts";
import { emptyBody, type Look } from "./work-panes.ts";

const barColumns = 16;
const textLinesMax = 6;

/** Mail as the pane lists it: what waits for somebody first, then the newest. */
export function mailOrder({
  mail,
  questions,
}: {
  readonly mail: readonly MailView[];
  readonly questions: readonly MailView[];
}) {
  const open = new Set(questions.map(({ id }) => id));
  return [...questions, ...mail.filter(({ id }) => !open.has(id)).reverse()];
}

/** The chosen mail's place in that order; 0 where there is none. */
export function mailAt({ letter, at }: Pick<Dashboard, "letter" | "at">, view: RunView): number {
  const order = mailOrder(view);
  const kept = letter?.run === view.runId ? order.findIndex(({ id }) => id === letter.id) : -1;
  return kept >= 0 ? kept : Math.max(0, Math.min(at.mail ?? 0, order.length - 1));
}

/** True for what is answered by yes or no. */
export function isApproval({ kind }: MailView): boolean {
  return String(kind) === "approval";
}

/** Mail that nobody has read is as a task that was not begun, and what nobody will read as one that was left out. */
const looksLike: Readonly<Record<MailView["status"], TaskStatus>> = {
  ...{ produced: "pending", offered: "pending", consumed: "completed", answered: "completed" },
  ...{ expired: "skipped", withdrawn: "skipped" },
};

/** What became of a letter that waits for nobody; "" of one that is only on record. */
export function fateOf({ id, status, to, replyTo }: MailView, { mail }: RunView): string {
  const about = replyTo && mail.find((one) => one.id === replyTo)?.about?.kind;
  if (about === "plan" || about === "step") return words.mail.decided;
  if (status === "produced" && (to === "lead" || to === "all")) return "";
  const answer = mail.find(({ kind, replyTo }) => kind === "answer" && replyTo === id);
  const who = status === "consumed" ? to : status === "answered" ? (answer?.from ?? "") : "";
  return [words.mail.status[status], who].filter(Boolean).join(" ");
}

/** Questions, approvals and everything that was written. */
export function mailPane({ state, run: { view }, now, columns }: Look): Body {
  const mail = mailOrder(view);
  if (mail.length === 0) return emptyBody(words.mail.none);
  const chosen = mail[mailAt(state, view)];
  const isOpen = (one: MailView): boolean => view.questions.includes(one);
  return {
    head: [],
    length: mail.length,
    row(at) {
      const one = mail[at];
      if (one === undefined) return [];
      return [
        isOpen(one) ? ["warning", glyphOf("waiting").glyph] : ["dim", glyphOf(looksLike[one.status]).glyph],
        ["muted", words.ago(formatDuration(now - one.at))],
        ["dim", isOpen(one) ? "" : fateOf(one, view)],
        [isOpen(one) ? "warning" : "muted", words.mail.kind(one.kind)],
        ["accent", `${one.from} → ${one.to}`],
        ["text", one.text],
      ];
    },
    foot: chosen === undefined ? [] : mailStory(chosen, view, now, columns, state.focus === "pane"),
    isList: true,
    isFollowing: false,
  };
}

function mailStory(
  mail: MailView,
  { questions, owner }: RunView,
  now: number,
  columns: number,
  takesKeys: boolean,
): readonly Line[] {
  const { text, options = [], fallback, deadline, by } = mail;
  const facts = [
    by === undefined || by === mail.from ? "" : words.mail.by(by === owner.sessionId),
    options.length > 0 ? words.mail.options(options.join(" | ")) : "",
    fallback === undefined ? "" : words.mail.fallback(fallback),
    deadline === undefined ? "" : words.mail.deadline(formatDuration(deadline - now)),
  ].filter(Boolean);
  const asked = isApproval(mail) ? words.mail.howApprove : words.mail.howAnswer;
  const how = takesKeys ? asked : words.mail.howOpen;
  return [
    ...wrapTold(text, columns, textLinesMax),
    ...(facts.length > 0 ? [[["muted", facts.join(" · ")]] satisfies Line] : []),
    ...(questions.includes(mail) ? [[["warning", how]] satisfies Line] : []),
  ];
}

/** Who cost what: by role, by model, and against each task's own limit. */
export function costPane({ run: { view, state } }: Look): Body {
  const limits = new Map(
    state.status === "queued" ? [] : state.plan.tasks.map(({ id, costMax }) => [id, costMax] as const),
  );
  const share = (title: string, of: (task: TaskView) => string): readonly Line[] => {
    const groups = new Map<string, { usage: Usage; tasks: number }>();
    for (const task of view.tasks) {
      if (task.attempts === 0) continue;
      const { usage, tasks } = groups.get(of(task)) ?? { usage: noUsage, tasks: 0 };
      groups.set(of(task), { usage: addUsage(usage, task.usage), tasks: tasks + 1 });
    }
    const sorted = [...groups].sort(([, a], [, b]) => weight(b.usage) - weight(a.usage));
    const whole = sorted.reduce((sum, [, { usage }]) => sum + weight(usage), 0);
    return [
      [["muted", title]],
      ...sorted.map(
        ([name, { usage, tasks }]): Line => [
          ["text", `  ${cell(name, 20)}`],
          ["accent", bar(weight(usage), whole, barColumns)],
          ["text", cell(formatCost(usage.cost), 8)],
          ["muted", formatUsage({ ...usage, cost: 0 })],
          ["dim", countOf(tasks, "task")],
        ],
      ),
    ];
  };
  const bounded = view.tasks.flatMap((task): Line[] => {
    const limit = limits.get(task.id);
    if (limit === undefined || task.attempts === 0) return [];
    const isNear = task.usage.cost > limit * 0.8;
    const cost = `${formatCost(task.usage.cost)} / ${formatCost(limit)}`;
    return [
      [
        ["text", `  ${cell(task.id, 20)}`],
        [isNear ? "warning" : "success", bar(task.usage.cost, limit, barColumns)],
        ["muted", cost],
      ],
    ];
  });
  return textBody([
    [
      ["toolTitle", words.cost.whole],
      ["text", formatUsage(view.usage) || words.cost.nothing],
    ],
    ...share(words.cost.byRole, ({ role, agent }) => role ?? agent),
    ...share(words.cost.byModel, ({ model }) => modelName(model) || words.cost.defaultModel),
    ...(bounded.length > 0 ? [[["muted", words.cost.budgets]] satisfies Line, ...bounded] : []),
  ]);
}

/** Dollars where there are any; models without a price are compared by their tokens, a millionth each. */
function weight({ cost, input, output }: Usage): number {
  return cost > 0 ? cost : (input + output) / 1e12;
}

/** Who drives, who is quiet, and how near the run is to its limits. */
export function healthPane({ scene, run, now, columns }: Look): Body {
  const { view, state, driver, problems, directory, events } = run;
  const { health } = words;
  const fact = (name: string, text: string, color: Span[0] = "text"): Line => [
    ["muted", cell(name, 12)],
    [color, text],
  ];
  const isOver = isFinalRun(view.status);
  const stands = new Set([words.status[view.status], reasonOf(view) ?? ""]);
  const who = state.driver === undefined ? "" : health.process(state.driver.pid, state.epoch);
  const lives = isOver ? health.over : health.driver[driver];
  const quiet = view.tasks.flatMap((task): Line[] => {
    const { lastSignAt, escalation, status } = task;
    const told =
      status === "running" && lastSignAt !== undefined
        ? formatQuiet({ lastSignAt, ...(escalation && { escalation }) }, now)
        : "";
    return told === ""
      ? []
      : [
          [
            ["warning", `  ${glyphOf("waiting").glyph} ${task.id}`],
            ["text", told],
          ],
        ];
  });
  const lines: Line[] = [
    fact(health.run, [...stands].filter(Boolean).join(": ")),
    fact(health.driverName, `${lives} ${isOver ? "" : who}`, driver === "gone" && !isOver ? "error" : "text"),
    fact(
      health.owner,
      `${view.owner.sessionId.slice(0, 8)}${view.background ? ` · ${words.background}` : ""}`,
    ),
  ];
  if (state.status !== "queued") {
    const { concurrency, limits } = state.terms.settings;
    const took = (view.finishedAt ?? now) - view.createdAt - state.idleMs;
    lines.push(
      [
        ...fact(health.workers, bar(atWork(state), concurrency, barColumns), "accent"),
        ["muted", `${atWork(state)}/${concurrency}`],
      ],
      [
        ...fact(health.clock, bar(took, limits.runMaxMs, barColumns), "accent"),
        ["muted", `${formatDuration(took)} / ${formatDuration(limits.runMaxMs)}`],
      ],
      fact(health.recoveries, String(state.recoveries)),
      ...(isOver ? [] : [fact(health.left, leftText(state.plan, concurrency, scene, view, now))]),
    );
  }
  lines.push(
    fact(health.journal, health.records(events.length)),
    fact(
      health.silent,
      quiet.length === 0 ? health.nobody : String(quiet.length),
      quiet.length === 0 ? "text" : "warning",
    ),
    ...quiet,
    ...problems.flatMap(({ where, message, remedy }): Line[] => [
      [["error", `${glyphOf("failed").glyph} ${where}`]],
      ...wrap(`${message}. ${remedy}.`, columns - 2, textLinesMax).map(
        (line): Line => [["text", `  ${line}`]],
      ),
    ]),
    fact(health.files, directory, "dim"),
  );
  return textBody(lines);
}

/** How long the rest takes, if it goes as in the runs before. */
function leftText(plan: Plan, concurrency: number, scene: Scene, { tasks }: RunView, now: number): string {
  const left = estimate(plan, concurrency, pastOf(scene), { tasks, now });
  if (left === undefined) return words.health.unknown;
  return words.health.about(formatDuration(left.ms), formatCost(left.cost), left.tasks);
}

function textBody(lines: readonly Line[], foot: readonly Line[] = []): Body {
  return {
    head: [],
    length: lines.length,
    row: (at) => lines[at] ?? [],
    foot,
    isList: false,
    isFollowing: false,
  };
}
