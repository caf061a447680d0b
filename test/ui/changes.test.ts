import fc from "fast-check";
import { expect, test } from "vitest";
import { changesOf, noChanges, notesOf, tallyOf } from "../../src/ui/changes.ts";
import { readTranscript, type TranscriptEntry } from "../../src/ui/transcript.ts";
import { anyText } from "./arbitrary.ts";
import { called, resulted, worked } from "./worked.ts";

const read = (records: readonly (string | object)[]): readonly TranscriptEntry[] =>
  readTranscript(records.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join("\n"));

test("what tools showed is told by file in order of first touch; what failed, was refused or is not over did not happen", () => {
  const changes = changesOf(read(worked("it")), "/shop");
  const { files, shells, others, isPartial } = changes;
  expect(files.map(({ path, added, removed, steps }) => [path, added, removed, steps.length])).toEqual([
    ["src/cart.js", 2, 3, 2],
    ["docs/notes.md", 3, 0, 1],
  ]);
  expect([tallyOf(changes), shells, others, isPartial]).toEqual(["2 files +5 -3", 2, 0, false]);
  expect(files[1]?.steps[0]?.lines[2]).toMatch(/^\+3 {3}What it takes off/);
  expect(notesOf(changes).join()).toContain("2 shell commands ran; what that changed is not seen here");
});

test("a file is named from the workspace where it lies below it, and as it is elsewhere", () => {
  const placed = (path: string): string | undefined => {
    const records = [called("1", "write", { path, content: "a" }), resulted("1", "write")];
    return changesOf(read(records), "/shop").files[0]?.path;
  };
  const paths = ["a/../b/c", "@b/c", "/shop/./b/c", "../shop/b/c", "/shop2/b", "..", "~/b", "..b", "/shop"];
  expect(paths.map(placed)).toEqual([
    ...["b/c", "b/c", "b/c", "b/c", "/shop2/b", "/", "~/b", "..b", "/shop"],
  ]);
});

test("long contents are cut, missing records are told, and a tool that shows nothing is counted", () => {
  const content = "line\n".repeat(9_999);
  const records = [called("1", "write", { path: "long", content }), resulted("1", "write")];
  const more = [called("2", "paint", {}), resulted("2", "paint"), { type: "cut", dropped: 3 }];
  const changes = changesOf(read([...records, ...more]), "/shop");
  expect(changes).toMatchObject({ added: 9_999, removed: 0, others: 1, isPartial: true });
  expect(changes.files[0]?.steps[0]).toMatchObject({ left: 7_999, isWhole: true });
  expect(notesOf(changes).slice(1).join()).toMatch(/^1 call of other tools ran.*a part of the transcript/);
  expect(notesOf(noChanges)).toHaveLength(1);
});

/** Calls of every kind with every end, and how many lines each shows. */
const anyCall = fc.record({
  path: fc.constantFrom("a", "b", "./a", "/shop/b", "c/d"),
  text: anyText.map((text) => text.replaceAll("\n", " ")),
  added: fc.nat(4),
  removed: fc.nat(4),
  tool: fc.constantFrom("edit", "write", "bash", "read"),
  end: fc.constantFrom("done", "failed", "open"),
});

test("lines add up whatever was called, and however the transcript is read in parts", () => {
  fc.assert(
    fc.property(fc.array(anyCall, { maxLength: 12 }), fc.nat(24), (calls, cut) => {
      const records = calls.flatMap(({ path, text, added, removed, tool, end }, at) => {
        const lines = (sign: string, count: number) =>
          Array.from({ length: count }, (_, line) => `${sign}${line + 1} ${text}`);
        const diff = [...lines("+", added), ...lines("-", removed)].join("\n");
        const more = { isError: end === "failed", ...(tool === "edit" && { details: { diff } }) };
        const call = called(`${at}`, tool, { path, content: `${text}\n`.repeat(added) });
        return end === "open" ? [call] : [call, resulted(`${at}`, tool, more)];
      });
      const changes = changesOf(read(records), "/shop");
      const done = calls.filter(({ end, tool }) => end === "done" && ["edit", "write"].includes(tool));
      const sum = (of: (call: (typeof calls)[number]) => number): number =>
        done.reduce((all, call) => all + of(call), 0);
      expect(changes.added).toBe(sum(({ added }) => added));
      expect(changes.removed).toBe(sum(({ tool, removed }) => (tool === "edit" ? removed : 0)));
      expect(changes.shells).toBe(calls.filter(({ tool }) => tool === "bash").length);
      const names = done.map(({ path }) => path.replace(/^\.\/|^\/shop\//, ""));
      expect(changes.files.map(({ path }) => path)).toEqual([...new Set(names)]);
      const first = changesOf(read(records.slice(0, cut)), "/shop");
      expect(changesOf(read(records.slice(cut)), "/shop", first)).toEqual(changes);
    }),
  );
});

test("of whatever records, nothing is thrown and no count is negative", () => {
  const record = fc
    .record({
      type: fc.constantFrom("message_end", "tool_refused", "cut"),
      ...{ tool: anyText, given: fc.jsonValue(), id: fc.constantFrom("1", "2", 3, null) },
      ...{ role: fc.constantFrom("assistant", "toolResult"), details: fc.jsonValue() },
      name: fc.constantFrom("edit", "write", "bash", "other", 7),
    })
    .map(({ type, tool, given, id, role, details, name }) => {
      const part = { type: "toolCall", id, name, arguments: given };
      const message = { role, content: [part], toolCallId: id, toolName: name, details };
      return JSON.stringify({ type, tool, message });
    });
  fc.assert(
    fc.property(fc.array(fc.oneof(record, anyText)), anyText, (records, workspace) => {
      const { files, ...counts } = changesOf(readTranscript(records.join("\n")), workspace);
      for (const { path, added, removed } of [...files, { path: "x", ...counts }])
        expect(path !== "" && added >= 0 && removed >= 0).toBe(true);
      expect(Math.min(counts.shells, counts.others)).toBeGreaterThanOrEqual(0);
    }),
  );
});
