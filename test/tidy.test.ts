import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { effectsOutsideTheirFile, type Offence, offencesIn, type Rule, rules } from "./tidy/rules.ts";
import { reads, settingNames } from "./tidy/settings.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tracked = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
})
  .toString()
  .split("\0")
  .filter((file) => file !== "");
const textOf = (file: string): string => readFileSync(join(root, file), "utf8");
const code = new Map(
  tracked
    .filter((file) => /\.(ts|mjs|cjs)$/.test(file) && !/^test\/(golden|support\/sample)\//.test(file))
    .map((file) => [file, textOf(file)]),
);
const src = new Map([...code].filter(([file]) => file.startsWith("src/")));

function shown(offences: readonly Offence[]): readonly string[] {
  return offences.map(({ file, line, what }) => `${file}:${line} ${what}`);
}

/** True when the line holds this directory as the beginning of a path. */
function names(line: string, directory: string): boolean {
  const at = line.indexOf(`${directory}/`);
  return at !== -1 && !/[\w.$-]$/.test(line.slice(0, at));
}

/** Raised only with a capability. */
const srcLinesMax = 29_950;

describe("house rules", () => {
  const lines = [...src.values()].reduce((sum, text) => sum + text.split("\n").length - 1, 0);
  console.log(`src: ${lines} lines in ${src.size} files`);
  const offences = [
    ...[...code].flatMap(([file, text]) => offencesIn(file, text)),
    // A .cjs of src runs before anything of ours can be imported.
    ...effectsOutsideTheirFile(new Map([...src].filter(([file]) => file.endsWith(".ts")))),
  ];

  it.each(Object.entries(rules) as [Rule, string][])("%s: nowhere %s", (rule) => {
    expect(shown(offences.filter((offence) => offence.rule === rule))).toEqual([]);
  });

  it("src grows only by decision (docs/decisions/0006-size.md)", () => {
    expect(lines).toBeLessThanOrEqual(srcLinesMax);
  });

  it("every setting has a reader besides those who define, list and check settings", () => {
    const readers = [...src].filter(
      ([file]) => !/^src\/(core|resources)\/(settings|config)[^/]*$/.test(file),
    );
    const unread = settingNames(textOf("src/core/settings.ts")).filter(
      (name) => !readers.some(([, text]) => reads(text, name)),
    );
    expect(unread).toEqual([]);
  });

  it("no file names a path of the machine it was written on", () => {
    const personal = /\/(home|Users)\/(?!(user|you|me|some(one|body)|ada)\b)[a-z][\w.-]*\//;
    const machine = [root, homedir()].filter((path) => path.length > 3);
    const offending = tracked
      .filter((file) => !/\.(png|gif|tgz|gz)$/.test(file) && file !== "package-lock.json")
      .flatMap((file) =>
        textOf(file)
          .split("\n")
          .flatMap((line, i) =>
            personal.test(line) || machine.some((path) => names(line, path))
              ? [`${file}:${i + 1} ${line.trim()}`]
              : [],
          ),
      );
    expect(offending).toEqual([]);
  });

  it("the changelog has a place for what is not released, and the map names every decision", () => {
    expect(textOf("CHANGELOG.md")).toContain("\n## [Unreleased]\n");
    const map = textOf("docs/architecture.md");
    const decisions = tracked.filter((file) => /^docs\/decisions\/\d{4}-/.test(file));
    expect(decisions.length).toBeGreaterThan(0);
    expect(decisions.filter((file) => !map.includes(file.slice("docs/".length)))).toEqual([]);
  });

  it("every link in a document leads to a file of the repository", () => {
    const broken = tracked
      .filter((file) => file.endsWith(".md"))
      .flatMap((file) =>
        [...textOf(file).matchAll(/\]\(([^)\s#:]+)(#[^)]*)?\)/g)].flatMap(([, target = ""]) => {
          const path = join(dirname(file), target);
          return tracked.some((one) => one === path || one.startsWith(`${path}/`))
            ? []
            : [`${file}: ${target}`];
        }),
      );
    expect(broken).toEqual([]);
  });

  it("the manifest in the checkout is the checkout's", () => {
    expect(JSON.parse(textOf("package.json")).pi.extensions).toEqual(["./index.ts"]);
    expect(tracked).not.toContain("package.json.checkout");
  });
});

describe("the rules catch what they forbid", () => {
  const long = (lines: number): string => "  work();\n".repeat(lines);
  const planted: Record<Exclude<Rule, "one-effect-file">, readonly [path: string, text: string][]> = {
    "file-length": [["src/core/big.ts", "export const a = 1;\n".repeat(401)]],
    "function-length": [
      ["src/core/a.ts", `function f() {\n${long(69)}}\n`],
      ["test/a.test.ts", `it("x", () => {\n${long(69)}});\n`],
      ["src/core/a.ts", `class A {\n m() {\n${long(69)}}\n}\n`],
    ],
    "empty-catch": [
      ["src/core/a.ts", "try { f(); } catch { /* nothing */ }"],
      ["src/core/a.ts", "void f().catch(() => {});"],
    ],
    any: [
      ["src/core/a.ts", "const a: any = 1;"],
      ["src/core/a.ts", "const a = b as unknown as string;"],
    ],
    "non-null": [["src/core/a.ts", "const a = b!;"]],
    "file-name": [
      ["src/core/utils.ts", ""],
      ["src/core/types.ts", ""],
      ["src/engine/retry-manager.ts", ""],
      ["src/core/index.ts", ""],
      ["src/core/a.ts", 'export * from "./b.ts";'],
    ],
    "import-extension": [
      ["src/core/a.ts", 'import { b } from "./b";'],
      ["src/core/a.ts", 'const b = await import("./b.js");'],
    ],
    "typebox-root": [["src/core/a.ts", 'import { Value } from "@sinclair/typebox/value";']],
    "module-state": [
      ["src/core/a.ts", "let a = 1;"],
      ["src/core/a.ts", "const seen = new Map<string, number>();"],
      ["src/core/a.ts", "const seen: string[] = [];"],
    ],
    docstring: [
      ["src/core/a.ts", "export function f(): void {}"],
      ["src/core/a.ts", "// only a remark\nexport const f = () => 1;"],
    ],
    "sync-fs": [["src/store/a.ts", 'import { readFileSync } from "node:fs";']],
    "skipped-test": [
      ["test/a.test.ts", 'it.skip("x", () => {});'],
      ["test/a.test.ts", 'describe.todo("x");'],
    ],
    words: [
      ["src/host/a.ts", 'session.say("team: nobody waits here", "info");'],
      ["src/host/a.ts", `session.say(\`run \${id} is over\`);`],
      ["src/host/a.ts", 'const title = "Whose mail?";'],
      ["src/host/notice.ts", 'function askedText() { return "it asks for approval"; }'],
      ["src/ui/a.ts", 'const line: Line = [["dim", "nothing yet"]];'],
      ["src/ui/report/a.ts", `const empty = html\`<p class="dim">\${count} later attempts</p>\`;`],
      ["src/ui/report/a.ts", 'const table = html`<table aria-label="What it cost"></table>`;'],
    ],
  };

  for (const [rule, snippets] of Object.entries(planted)) {
    it.each(snippets)(`${rule} in %s`, (path, text) => {
      expect(offencesIn(path, text).map((offence) => offence.rule)).toContain(rule);
    });
  }

  it("leaves a clean file alone", () => {
    const clean = `/** Says. */\nexport function f(): number {\n${long(68)}}\nconst names = ["a"];\nimport { b } from "./b.ts";\n`;
    expect(offencesIn("src/core/clean.ts", clean)).toEqual([]);
    const spoken = `const line = "--run ${1} --task a -- it";\nif (badge === "needs you") throw new Error("no run here");\nconst a = { "no driver": ["dim", html\`<p class="a b">\${words.more}</p>\`] };\n`;
    expect(offencesIn("src/host/a.ts", spoken)).toEqual([]);
    expect(offencesIn("src/engine/a.ts", 'const why = "the run is over";\n')).toEqual([]);
    expect(offencesIn("test/a.test.ts", `describe("x", () => {\n${long(90)}});\n`)).toEqual([]);
  });

  it("finds each effect outside its file, and only there", () => {
    const uses = [
      "const now = Date.now();",
      "setTimeout(f, 1);",
      "const id = Math.random();",
      "const home = process.env.HOME;",
      'import { spawn } from "node:child_process";',
    ].join("\n");
    const files = new Map([
      ["src/lib/machine.ts", uses],
      ["src/engine/driver.ts", `// Date.now() in a comment\n/* process.env */\n${uses}`],
    ]);
    const found = effectsOutsideTheirFile(files);
    expect(found.map(({ file, line }) => `${file}:${line}`)).toEqual(
      [3, 4, 5, 6, 7].map((line) => `src/engine/driver.ts:${line}`),
    );
  });

  it("knows which settings are read", () => {
    const names = settingNames(
      "interface Limits { readonly aMs: number }\ninterface Settings { readonly b: string; readonly limits: Limits }",
    );
    expect(names).toEqual(["aMs", "b"]);
    expect(reads("f(settings.limits.aMs)", "aMs")).toBe(true);
    expect(reads("const { aMs: x } = limits;", "aMs")).toBe(true);
    expect(reads("task.model", "model")).toBe(false);
    expect(reads("run.settings.model", "model")).toBe(true);
    expect(reads("// aMs\nconst a = { aMs: 1 };", "aMs")).toBe(false);
  });
});
