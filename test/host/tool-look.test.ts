import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import * as host from "@mariozechner/pi-coding-agent";
import fc from "fast-check";
import { expect, test } from "vitest";
import { toolLookOf } from "../../src/host/tool-look.ts";
import { asciiTheme } from "../../src/ui/theme.ts";
import { blockLines } from "../../src/ui/tool-block.ts";
import { readTranscript, type TranscriptEntry } from "../../src/ui/transcript.ts";
import { drawLine } from "../../src/ui/width.ts";
import { ansiTheme, anyText, expectFitting } from "../ui/arbitrary.ts";
import { called, resulted } from "../ui/worked.ts";

const root = join(import.meta.dirname, "../..");
const cli = join(root, "node_modules/@mariozechner/pi-coding-agent/dist/cli.js");
host.initTheme("dark", false);

function entryOf(record: object): TranscriptEntry {
  const [entry] = readTranscript(JSON.stringify(record));
  if (entry === undefined) throw new Error("the record has no entry");
  return entry;
}

test("the running host draws what its tools did as it does in its chat, state and all", async () => {
  const look = await toolLookOf(cli, root);
  const cases: readonly (readonly [string, object, object, RegExp])[] = [
    ["bash", { command: "npm test" }, {}, /✓ {2}\$ npm test *\n.*as asked/s],
    ["read", { path: "a.ts", offset: 3, limit: 2 }, {}, /✓ {2}read a\.ts:3-4 *\n.*as asked/s],
    ["edit", { path: "a.ts" }, { details: { diff: "-1 a\n+1 b" } }, /✓ {2}edit a\.ts *\n.*-1 a\s+\+1 b/s],
    ["write", { path: "a.md", content: "# A" }, {}, /✓ {2}write a\.md *\n\s+# A/s],
    ["grep", { pattern: "x" }, { isError: true }, /✗ {2}grep \/x\/ in \. *\n.*as asked/s],
    ["ask", { question: "So?" }, {}, /✓ {2}ask question="So\?"\s+as asked/s],
  ];
  for (const [tool, given, more, shown] of cases) {
    const pair = [entryOf(called("1", tool, given)), entryOf(resulted("1", tool, more))] as const;
    const lines = blockLines(pair, 60, look);
    const text = lines.map((line) => drawLine(line, 60, { fg: (_, part) => part, bold: (part) => part }));
    expect(text.join("\n")).toContain("\x1b[48;");
    expect(stripVTControlCharacters(text.join("\n"))).toMatch(shown);
  }
});

test("whatever workers say, the host draws no line that is too wide, and no escape of theirs", async () => {
  const look = await toolLookOf(cli, root);
  const tools = fc.constantFrom("bash", "read", "write", "edit", "grep", "find", "ls", "ask");
  const given = fc.dictionary(
    fc.constantFrom("path", "command", "content", "pattern", "limit", "offset", "edits", "timeout"),
    fc.oneof(anyText, anyText, fc.jsonValue()),
  );
  const asked = [tools, given, anyText, fc.boolean()] as const;
  const property = fc.property(
    ...([...asked, fc.integer({ min: 1, max: 300 })] as const),
    (tool, args, text, isError, width) => {
      const more = {
        isError,
        content: [{ type: "text", text }],
        details: { diff: `-1 ${text}\n+1 ${tool}` },
      };
      const pair = [entryOf(called("1", tool, args)), entryOf(resulted("1", tool, more))] as const;
      const lines = blockLines(pair, width, look);
      for (const theme of [ansiTheme, asciiTheme(ansiTheme)])
        expectFitting(
          lines.map((line) => drawLine(line, width, theme)),
          width,
        );
    },
  );
  fc.assert(property, { numRuns: 150 });
});

test("a script that is not the host's lends nothing, and nothing of it is loaded", async () => {
  for (const script of [undefined, "", "/nowhere/cli.js", process.argv[1], join(root, "scripts/build.mjs")])
    expect(await toolLookOf(script, root)).toBeUndefined();
  const gone = "/x/node_modules/@mariozechner/pi-coding-agent/dist/cli.js";
  expect(await toolLookOf(gone, root)).toBeUndefined();
});
