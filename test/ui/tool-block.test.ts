import fc from "fast-check";
import { expect, test } from "vitest";
import { Transcript } from "../../src/ui/dashboard/transcript.ts";
import { plainTheme } from "../../src/ui/theme.ts";
import { blockLines } from "../../src/ui/tool-block.ts";
import { type Pair, paired, readTranscript, type TranscriptEntry } from "../../src/ui/transcript.ts";
import { drawLine, drawnSpan } from "../../src/ui/width.ts";
import { ansiTheme, anyText, expectFitting } from "./arbitrary.ts";
import { called, resulted } from "./worked.ts";

const said = (text: string): object => ({ content: [{ type: "text", text }] });
const numbers = (count: number): string =>
  Array.from({ length: count }, (_, at) => `line ${at + 1}`).join("\n");

/** What is seen of these records, with blank lines and ends left out. */
function seen(records: readonly object[]): readonly string[] {
  const transcript = new Transcript("x").with(
    records.map((one) => JSON.stringify(one)),
    1,
  );
  const lines = transcript.lines(80, false).map((line) => drawLine(line, 80, plainTheme).trimEnd());
  return lines.filter((line) => line !== "");
}

test("a call says what it asks for as the host does, and how it stands", () => {
  const asked: readonly (readonly [string, object, string])[] = [
    ["bash", { command: "npm test" }, "$ npm test"],
    ["read", { path: "a.ts" }, "read a.ts"],
    ["read", { path: "a.ts", offset: 3, limit: 20 }, "read a.ts:3-22"],
    ["read", { file_path: "a.ts", offset: 3 }, "read a.ts:3"],
    ["edit", { path: "a.ts", edits: [{ oldText: "a", newText: "b" }] }, "edit a.ts"],
    ["grep", { pattern: "x+", path: "src" }, "grep /x+/ in src"],
    ["find", { pattern: "*.ts" }, "find *.ts in ."],
    ["ls", {}, "ls ."],
    ["ask", { question: "May I?", wait: true }, 'ask question="May I?" wait=true'],
    ["constructor", {}, "constructor"],
  ];
  for (const [tool, given, title] of asked) {
    expect(seen([called("1", tool, given)])).toEqual([`● ${title}`, "  no result yet"]);
    const [done, text] = seen([called("1", tool, given), resulted("1", tool, said("so"))]);
    expect([done, text]).toEqual([`✓ ${title}`, "  so"]);
    const failed = seen([called("1", tool, given), resulted("1", tool, { isError: true, ...said("no") })]);
    expect(failed).toEqual([`✗ ${title}`, "  no"]);
  }
});

test("a record that says nothing is nothing, and what is no record is shown as it is", () => {
  const message = { role: "system", content: "", sections: { tools: "many" } };
  expect(seen([{ type: "message_end", message }])).toEqual([]);
  const torn = new Transcript("x").with(['{"type":"mess'], 1).lines(80, false);
  expect(torn.map((line) => drawLine(line, 80, plainTheme).trim())).toContain('{"type":"mess');
});

test("an edit is its diff, and what is written its first lines", () => {
  const diff = { details: { diff: "  1 a\n- 2 b\n+ 2 c" } };
  const edits = [{ oldText: "b", newText: "c" }];
  expect(seen([called("1", "edit", { path: "a.ts", edits }), resulted("1", "edit", diff)])).toEqual([
    ...["✓ edit a.ts", "    1 a", "  - 2 b", "  + 2 c"],
  ]);
  const written = seen([
    called("1", "write", { path: "a.ts", content: numbers(30) }),
    resulted("1", "write"),
  ]);
  expect(written).toHaveLength(12);
  expect(written.at(-1)).toBe("  … 20 more lines, v shows all");
});

test("of long results as much is shown as the host shows, of a command's the end", () => {
  const records = [called("1", "bash", { command: "x" }), resulted("1", "bash", said(numbers(300)))];
  expect(seen(records)).toEqual([
    ...["✓ $ x", ...[296, 297, 298, 299, 300].map((at) => `  line ${at}`)],
    "  … 295 earlier lines, v shows all",
  ]);
});

test("results stand with their calls, in whatever order they came and wherever reading began", () => {
  const [first, second] = [called("1", "read", { path: "a" }), called("2", "read", { path: "b" })];
  const [one, two] = [resulted("1", "read", said("A")), resulted("2", "read", said("B"))];
  const block = (path: string, text: string): readonly string[] => [`✓ read ${path}`, `  ${text}`];
  expect(seen([first, second, two, one])).toEqual([...block("a", "A"), ...block("b", "B")]);
  const cut = ["✓ read ...", "  B", "  called above what was read"];
  expect(seen([first, two, one])).toEqual([...block("a", "A"), ...cut]);
  // The same id once more is another call.
  expect(seen([first, one, called("1", "read", { path: "c" })]).slice(2)).toEqual([
    ...["● read c", "  no result yet"],
  ]);
  const whole = [first, second, two, one].map((record) => JSON.stringify(record));
  const grown = new Transcript("x", 9, 9).with(whole.slice(1, 3), 2);
  expect(grown.lines(60, false).length).toBeGreaterThan(1);
  const later = grown.with(whole.slice(3), 3).after(whole.slice(0, 1), 0);
  expect(later.lines(60, false)).toEqual(new Transcript("x").with(whole, 3).lines(60, false));
});

test("what was drawn once is not drawn again when more comes, and the host is asked for what is shown alone", () => {
  const asked: Pair[] = [];
  const look = (pair: Pair): string[] => {
    asked.push(pair);
    return ["", `\x1b[1m${pair[0].tool}\x1b[0m`];
  };
  const line = (record: object): string => JSON.stringify(record);
  const given = { path: "a.ts", content: `\x1b[2J\t${numbers(5_000)}`, mode: 7, odd: { deep: [null] } };
  const first = new Transcript("x").with([line(called("1", "write", given))], 1);
  first.lines(80, false, look);
  expect(asked).toMatchObject([[{ tool: "write", given: { mode: 7, odd: '{"deep":[null]}' } }]]);
  expect(`${asked[0]?.[0].given?.content}`.split("\n")).toEqual([
    "   line 1",
    ...numbers(10).split("\n").slice(1),
  ]);
  const next = first.with([line(called("2", "ls", {})), line(resulted("1", "write"))], 2);
  next.lines(80, false, look);
  expect(asked.map(([{ tool }, result]) => [tool, result === undefined])).toEqual([
    ...[
      ["write", true],
      ["write", false],
      ["ls", true],
    ],
  ]);
  const drawn = next.lines(80, false, look);
  next.lines(80, false, look);
  expect([next.lines(80, false, look), asked.length]).toEqual([drawn, 3]);
});

test("however many calls were read, the host draws the newest alone, again at a new width, and what it drew stays so", () => {
  const asked: string[] = [];
  const look = (pair: Pair): string[] => {
    asked.push(`${pair[0].given?.path}`);
    return ["", `HOST ${pair[0].given?.path}`, ""];
  };
  const calls = (from: number, count: number): string[] =>
    Array.from({ length: count }, (_, at) =>
      JSON.stringify(called(`${from + at}`, "ls", { path: `p${from + at}` })),
    );
  const paths = (from: number, count: number): string[] =>
    Array.from({ length: count }, (_, at) => `p${from + at}`);
  let transcript = new Transcript("x", 9, 9).with(calls(500, 500), 10);
  transcript.lines(80, false, look);
  expect(asked.splice(0)).toEqual(paths(980, 20));
  for (let at = 1_000; at < 1_060; at++) {
    const before = transcript.lines(80, false, look);
    transcript = transcript.with(calls(at, 1), 11);
    expect(transcript.lines(80, false, look).slice(0, before.length)).toEqual(before);
  }
  expect(asked.splice(0)).toEqual(paths(1_000, 60));
  transcript = transcript.after(calls(0, 500), 0);
  expect(transcript.lines(80, false, look).filter(([, span]) => span?.[1].startsWith("HOST"))).toHaveLength(
    80,
  );
  expect(asked).toEqual([]);
  transcript.lines(90, false, look);
  expect(asked).toEqual(paths(1_040, 20));
});

test("whatever was said, and whatever the host draws of it: lines fit every width, and no escape but colours is kept", () => {
  const anyEntry: fc.Arbitrary<TranscriptEntry> = fc.record(
    {
      kind: fc.constantFrom("call" as const, "result" as const),
      text: anyText,
      tool: fc.oneof(
        fc.constantFrom("bash", "read", "write", "edit", "grep", "find", "ls", "__proto__"),
        anyText,
      ),
      given: fc.dictionary(
        fc.oneof(fc.constantFrom("path", "command", "content", "limit"), anyText),
        fc.jsonValue(),
      ),
      diff: anyText,
      isError: fc.boolean(),
    },
    { requiredKeys: ["kind", "text"] },
  );
  const anyLook = fc.option(fc.array(anyText, { maxLength: 4 }), { nil: undefined });
  fc.assert(
    fc.property(
      ...[anyEntry, fc.option(anyEntry, { nil: undefined }), anyLook],
      fc.integer({ min: 1, max: 300 }),
      (entry, result, drawn, width) => {
        const lines = blockLines(result ? [entry, result] : [entry], width, () =>
          drawn?.map((text) => `\x1b[7m${text}`),
        );
        expectFitting(
          lines.map((line) => drawLine(line, width, ansiTheme)),
          width,
        );
      },
    ),
    { numRuns: 300 },
  );
});

test("colours are kept where a line fits, and its blanks give way before its text does", () => {
  const line = "\x1b[48;5;23m \x1b]8;;http://x\x07✔ so\x1b[39m      \x1b[49m";
  const shown = drawLine([drawnSpan(line, 9)], 9, ansiTheme);
  expect(shown).toBe("\x1b[48;5;23m ✔ so\x1b[39m   \x1b[49m\x1b[0m");
  expect(drawLine([drawnSpan(line, 4)], 4, plainTheme)).toBe(" ✔…");
});

test("a conversation of pairs has every entry once, in order", () => {
  const records = [called("1", "ls", {}), called("2", "ls", {}), resulted("2", "ls"), resulted("3", "ls")];
  const entries = readTranscript(records.map((one) => JSON.stringify(one)).join("\n"));
  expect(
    paired(entries).map((pair) => pair.map((entry) => `${entry?.kind} ${entry?.callId}`).join()),
  ).toEqual([...["call 1", "call 2,result 2", "result 3"]]);
});
