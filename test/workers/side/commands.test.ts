import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Permission } from "../../../src/core/plan.ts";
import { plainCommands, refusedChange, refusedDelivery } from "../../../src/workers/side/commands.ts";
import { shellCommands } from "../../../src/workers/side/shell.ts";
import { disguises, inner } from "./disguises.ts";

function refusedCommand(text: string, permission: Permission): string | undefined {
  const commands = plainCommands(text) ?? [];
  const reasons = commands.map(
    (command) => refusedDelivery(command) ?? (permission === "read" ? refusedChange(command) : undefined),
  );
  return reasons.find((reason) => reason !== undefined);
}

const deliveries = [
  "git push",
  "git -C sub push origin main",
  "npm publish",
  "gh pr create --fill",
  "git tag v1",
];
const writes = [
  "rm -rf build",
  "mv a b",
  "touch a",
  "tee out",
  "git commit -m x",
  "git checkout main",
  "npm install",
];
const reads = [
  "git status --short",
  "git log --oneline -5 | head",
  "git branch -a",
  "git stash list",
  "git tag -l",
  "git diff main...HEAD -- src",
  "grep -rn 'rm -rf' src | sort | uniq -c",
  "npm test 2>&1 | tail -20",
  "npm run publish-docs --dry-run",
  "find . -name '*.ts' -exec grep -l push {} +",
  "echo 'git push' # git push",
  "cat <<'EOF'\ngit push\nrm -rf /\nEOF",
  "ls > /dev/null 2>&1",
  "sed -n 1,20p src/a.ts",
  "awk '$1 > 3' data",
  "curl -s localhost:8080/health",
  "node --test",
];

describe("what a text plainly says", () => {
  it("refuses delivery to every worker, however it is written", () => {
    const permissions = fc.constantFrom("read" as const, "write" as const, "full" as const);
    const wrapping = fc.tuple(fc.constantFrom(...disguises), fc.constantFrom(...inner));
    fc.assert(
      fc.property(
        fc.constantFrom(...deliveries),
        wrapping,
        permissions,
        (command, [outer, within], permission) => {
          expect(refusedCommand(outer(within(command)), permission)).toContain("deliver");
        },
      ),
      { numRuns: 300 },
    );
  });

  it("refuses what plainly changes files to a worker that reads, and only to it", () => {
    fc.assert(
      fc.property(fc.constantFrom(...writes), fc.constantFrom(...disguises), (command, wrap) => {
        expect(refusedCommand(wrap(command), "read")).toContain("read-only");
        expect(refusedCommand(wrap(command), "write")).toBeUndefined();
      }),
    );
  });

  it.each(reads)("lets a reading worker run: %s", (command) => {
    expect(refusedCommand(command, "read")).toBeUndefined();
  });

  it.each([
    "echo x > out.txt",
    "echo x >>out",
    "cmd &> log",
    "cmd 2> errors",
    "sed -i s/a/b/ f",
    "find . -delete",
    "git stash",
    "git branch new",
    "git branch -D old",
    "git config user.name x",
    "prettier --write .",
    "curl -o f http://x",
    "git remote add x y",
    "git worktree add ../x",
    "cat a | sudo tee b",
  ])("refuses to a reading worker: %s", (command) => {
    expect(refusedCommand(command, "read")).toContain("read-only");
  });

  it("is not judged where shells are nested without end", () => {
    const nest = (text: string): string => `sh -c ${JSON.stringify(text)}`;
    expect(plainCommands(nest(nest("ls")))).toHaveLength(3);
    expect(plainCommands(Array.from({ length: 9 }).reduce<string>(nest, "ls"))).toBeUndefined();
  });

  it("sees what find starts, each time with the places in which it looks", () => {
    const commands = plainCommands("find a ../b -name x -exec true \\; -exec rm -f {} +");
    expect(commands?.map(({ line }) => line).slice(1)).toEqual(["true", "rm -f a ../b"]);
  });

  it("looks once at what one find starts by another", () => {
    const text = `find . ${"-exec find . ".repeat(5)}-delete`;
    expect(plainCommands(text)).toHaveLength(6);
    expect(plainCommands(`find . ${"-exec find . ".repeat(2_000)}`)).toBeUndefined();
  });

  it.each([
    "echo $'it\\'s'; git push",
    "git $'push'",
    'git $"push"',
    "x=$((1<<2))\ngit push",
    "(( x = (1<<2) ))\ngit push\n2",
    "git config alias.p push",
    "npm version patch",
    "yarn version",
  ])("sees what delivers in: %s", (command) => {
    expect(refusedCommand(command, "write")).toContain("deliver");
  });

  it.each([
    "git add alias.ts",
    "git diff -- alias.test.ts",
    "go version",
    "cargo version",
    "npm version",
    "yarn workspace app run version",
    "docker run --rm app npm run deploy",
    "docker build -t app:deploy .",
    "git commit -m \"$(cat <<'EOF'\nit's > done; git push\nEOF\n)\"",
  ])("takes no ordinary work for a delivery: %s", (command) => {
    expect(refusedCommand(command, "write")).toBeUndefined();
  });

  it("sees an alias for a push made on the spot", () => {
    expect(refusedCommand("git -c alias.p=push p", "write")).toContain("deliver");
  });
});

describe("shellCommands", () => {
  it("takes quotes, escapes and redirections apart", () => {
    expect(shellCommands(`a 'b c' "d \\"e" f\\ g >h 2>>i 2>&1 <j; k`)).toMatchObject([
      { words: ["a", "b c", 'd "e', "f g"], writesTo: ["h", "i"] },
      { words: ["k"], writesTo: [] },
    ]);
  });

  it("finds commands inside substitutions", () => {
    expect(shellCommands("a $(b $(c)) `d`").map(({ words }) => words[0])).toEqual(["c", "b", "d", "a"]);
  });

  it("ends on any text, and never makes up words", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab '\"\\`$(){}<>|&;#\n0-") }), (text) => {
        const words = shellCommands(text).flatMap((command) => command.words);
        expect(words.join("").replaceAll("$()", "").length).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});
