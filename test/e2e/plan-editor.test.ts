import { afterEach, beforeEach, expect, test } from "vitest";
import { type Json, served, until } from "../support/host.ts";
import { makeProject, manifestWhen, type Project } from "./support/lead.ts";
import { submit, worker } from "./support/rules.ts";
import { Screen } from "./support/screen.ts";

let project: Project;
beforeEach(async () => {
  project = await makeProject();
  await project.script("rules", [
    worker("one", [submit("the first way")]),
    worker("two", [submit("the second way")]),
    { turns: [[{ text: "I see." }]] },
  ]);
});
afterEach(() => project.end());

/** What the workers were asked to do, by the model server's log. */
async function prompts(): Promise<string> {
  return (await served(project.place)).map(({ prompt }) => String(prompt)).join("\n");
}

test("a client edits a plan, is told what is wrong with it, corrects and approves it, and that is what is done", async () => {
  const lead = await project.lead();
  const seen: Json[] = [];
  lead.host.answerDialog = (request) => {
    seen.push(request);
    const { method, options, prefill } = request;
    if (method === "select") {
      const wanted = seen.some((one) => one.method === "editor") ? "approve" : "edit the plan";
      return { value: (Array.isArray(options) ? options : []).find((option) => option === wanted) };
    }
    const text = String(prefill);
    // First a plan that cannot be, then one that can.
    if (!text.startsWith("#!")) return { value: text.replace("agent: executor", "agent: excutor") };
    return {
      value: text.replace("agent: excutor", "agent: executor").replace("[one] of it", "[two] of 割引: # it"),
    };
  };
  const tasks = '[{"id":"a","agent":"executor","task":"[one] of it\\n\\n  indented"}]';
  await lead.command(`/team-plan --confirm --tasks '${tasks}' a shop`);
  const [runId = ""] = await project.runs();
  await lead.host.request({ type: "prompt", message: "/team-respond" });
  const { tasks: ended } = await manifestWhen(project, runId, "the end", (run) => run.status === "completed");
  expect(ended).toMatchObject([{ id: "a", agent: "executor" }]);
  const editors = seen.filter(({ method }) => method === "editor").map(({ prefill }) => String(prefill));
  expect(editors).toHaveLength(2);
  expect(editors[1]).toMatch(
    /^#! Not saved.*\n#! line 4: no file defines agent "excutor".*Remedy: .*executor.*\n- id: a\n {2}agent: excutor\n/,
  );
  expect(await prompts()).toContain("[two] of 割引: # it\n\n  indented");
  expect(await prompts()).not.toContain("[one]");
  const revised = (await project.journal(runId)).filter(({ type }) => type === "plan.revised");
  expect(revised).toHaveLength(1);
});

test("in a terminal a kept plan opens as it is to be approved, is edited there, and approved", async () => {
  const screen = await Screen.open(project, 100, 40);
  try {
    await screen.shows("demo");
    await screen.type(
      `/team-plan --confirm --tasks '[{"id":"a","agent":"executor","task":"[one] of it"}]' a shop`,
    );
    await screen.keys("Enter");
    await screen.shows(
      /\[1 Tasks\].*plan, revision 1.*no earlier run.*\[one\] of it.*y approve · n reject · e edit/s,
    );
    await screen.type("e");
    await screen.shows(/Plan of run .*enter saves.*Agents: .*executor/s);
    // In its full-screen mode 1.5.2 takes the page keys for what is above the editor.
    await screen.keys(...Array<string>(30).fill("Up"), "Down", "Down", "Down", "End", "BSpace", "BSpace");
    await screen.type("this");
    await screen.keys("Enter");
    await screen.shows(/\[1 Tasks\].*plan, revision 2.*\[one\] of this.*y approve/s);
    await screen.type("y");
    const [runId = ""] = await project.runs();
    await manifestWhen(project, runId, "the end", ({ status }) => status === "completed");
    expect(await prompts()).toContain("[one] of this");
    await until("the screen shows the end", async () => (await screen.text()).includes("1/1"));
  } finally {
    await screen.end();
  }
});
