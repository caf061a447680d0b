import { expect, it } from "vitest";
import { mailDialog } from "../../../src/core/assignment.ts";
import { approvals } from "../../../src/workers/side/approvals.ts";
import { assignmentIn } from "../../support/host.ts";

const directory = "/nowhere";
const place = { top: directory, home: directory, agentDir: directory, workspace: "/ws", run: directory };

/** Somebody who gives these answers, one after the other, and what they were asked. */
function people(answers: readonly (string | object | undefined)[], askMaxMs = 0) {
  const rules = { deny: [], ask: [], allow: [], askMaxMs };
  const decide = approvals(assignmentIn(place, { rules }));
  const asked: string[] = [];
  let open = 0;
  const ask = async (title: string): Promise<string | undefined> => {
    expect(++open).toBe(1);
    asked.push(title);
    await new Promise((resolve) => setImmediate(resolve));
    open -= 1;
    const answer = answers[asked.length - 1];
    const receipt = typeof answer === "string" ? { answer, by: "me" } : answer;
    return receipt && JSON.stringify(receipt);
  };
  const letters = () => asked.map((title) => JSON.parse(title.slice(mailDialog.length)));
  const using =
    (tool: string) =>
    (what: string, ...of: readonly string[]) =>
      decide({ tool, what, rules: of, ask });
  return { call: using("bash"), using, letters };
}

it("one thing is asked at a time, and no rule again that was granted for longer", async () => {
  const { call, letters } = people(["approve", "approve for task", "reject: no", "approve for run"]);
  const calls = [call("a", "r1"), call("b", "r1", "r2"), call("c", "r2", "r1"), call("d", "r2")];
  expect(await Promise.all(calls)).toEqual([
    undefined,
    { reason: expect.stringContaining("denied: no. That is final"), by: "me" },
    undefined,
    undefined,
  ]);
  expect(letters().map(({ about }) => `${about.input} ${about.rule}`)).toEqual([
    "a r1",
    "b r1",
    "b r2",
    "c r2",
  ]);
});

it("what was granted for one tool is asked again for another under the same rule", async () => {
  const { using, letters } = people(["approve for task", "reject: no"]);
  expect(await using("mcp_read")("a", "mcp_*")).toBeUndefined();
  expect(await using("mcp_drop")("a", "mcp_*")).toMatchObject({ by: "me" });
  expect(await using("mcp_read")("b", "mcp_*")).toBeUndefined();
  expect(letters().map(({ about }) => about.tool)).toEqual(["mcp_read", "mcp_drop"]);
});

it.each([
  [undefined, "nobody listens"],
  [{ refusal: "it has written 50 messages" }, "50 messages"],
  [{ answer: "well, hm" }, "no reason"],
])("%j approves nothing", async (answer, reason) => {
  const refusal = await people([answer]).call("a", "r1");
  expect(refusal).toEqual({ reason: expect.stringContaining(reason), by: "muster" });
});

it("who is asked sees who, what, where and why, nothing hidden in it, and until when", async () => {
  const { call, letters } = people(["approve"], 5_000);
  await call(`ls \u001b[8m; rm x\r\u202E\n${"y".repeat(9_000)} && git push`, "bash(git *)");
  const [{ text, deadlineMs, fallback, about }] = letters();
  expect(text).toMatch(/^Task build \(executor\) wants to use bash in \/ws, which the rule bash\(git \*\)/);
  expect(text).toContain("ls \uFFFD[8m; rm x\uFFFD\uFFFD\ny");
  expect(text).toMatch(/characters are left out here …\]\ny+ && git push$/);
  expect({ deadlineMs, fallback }).toEqual({ deadlineMs: 5_000, fallback: "reject: nobody decided in time" });
  expect(about.input.length).toBeLessThanOrEqual(200);
});
