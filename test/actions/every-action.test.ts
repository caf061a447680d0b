import { describe, expect, it } from "vitest";
import { parameterShapes } from "../../src/actions/action.ts";
import { perform } from "../../src/actions/perform.ts";
import { actions } from "../../src/actions/table.ts";
import { pretendedHistory } from "../support/past.ts";
import { definitions, graph, works, world } from "./world.ts";

const root = definitions();

describe("every action", () => {
  it.each(actions.map(({ name }) => name))(
    "%s works without any UI and answers for programs too",
    async (name) => {
      const { context, engine, as } = world(root(), works);
      const isOfLive = ["resume", "retry", "respond", "steer", "send"].includes(name);
      await perform("run", { goal: "g" }, as({ returnsAtOnce: isOfLive }));
      for (const runId of isOfLive ? engine.runs.keys() : []) {
        const mail = { id: "q", to: "lead", kind: "question", text: "which?" } as const;
        if (name === "resume") engine.report(runId, { kind: "owner_gone" });
        else if (name === "retry") await perform("cancel", { run: runId }, context);
        else engine.report(runId, { kind: "wrote", task: "look", attempt: 1, mail });
      }
      const given: Record<string, object> = {
        run: { goal: "g" },
        plan: { tasks: graph },
        recommend: { goal: "build it" },
        get: { task: "look" },
        cancel: { run: "last" },
        resume: { background: true },
        respond: { message: "this one" },
        steer: { message: "go left", task: "look" },
        send: { message: "go left" },
        forget: { run: "last", confirm: true },
        import: { path: "run.jsonl.gz", confirm: true },
      };
      const [listing] = await engine.list();
      if (listing === undefined || !("manifest" in listing)) throw new Error("there is a run");
      const history = pretendedHistory(root(), listing.manifest);
      const answer = await perform(name, given[name] ?? {}, { ...context, history });
      expect(answer).toMatchObject({ ok: true, details: { action: name, ok: true } });
      expect(answer.text.length).toBeGreaterThan(10);
    },
  );

  it.each(actions.map(({ name }) => name))("%s answers sensibly where there is no run", async (name) => {
    const { context } = world(root(), works);
    const answer = await perform(name, {}, context);
    for (const problem of answer.details.problems ?? []) expect(problem.remedy).not.toBe("");
    expect(answer.details.action).toBe(name);
  });

  it.each(Object.keys(parameterShapes))(
    "copes with %s in every dialect of nothing and nearly right",
    async (key) => {
      const { context, engine } = world(root(), works);
      const unset = await perform("run", { goal: "g" }, context);
      for (const nothing of ["", null, "null", " "]) {
        const answer = await perform(
          "run",
          key === "goal" ? { tasks: graph, goal: nothing } : { goal: "g", [key]: nothing },
          context,
        );
        expect(answer.details).toMatchObject({ ok: true, status: unset.details.status });
      }
      for (const value of ["5", "false", false, 5, {}, [null]]) {
        const before = engine.runs.size;
        const answer = await perform("run", { goal: "g", [key]: value }, context);
        expect(engine.runs.size - before).toBe(answer.ok ? 1 : 0);
        if (!answer.ok) expect(answer.details.problems).not.toEqual([]);
      }
    },
  );
});
