import { mkdir, mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Permission } from "../../../src/core/plan.ts";
import { plainCommands } from "../../../src/workers/side/commands.ts";
import { refusedReach } from "../../../src/workers/side/outside.ts";
import { disguises, inner } from "./disguises.ts";

let top: string;
let workspace: string;

beforeAll(async () => {
  top = await realpath(await mkdtemp(join(tmpdir(), "muster-outside-")));
  workspace = join(top, "ws");
  for (const directory of ["ws/src/deep", "ws/.git/hooks", "ws/.muster/runs", "other", "ws-2"])
    await mkdir(join(top, directory), { recursive: true });
  await symlink(join(top, "other"), join(workspace, "out"));
  await symlink("src", join(workspace, "in"));
});
afterAll(() => rm(top, { recursive: true, force: true }));

async function refused(text: string, permission: Permission = "write"): Promise<string | undefined> {
  const commands = plainCommands(text.replaceAll("TOP", top).replaceAll("§", "$"));
  return refusedReach(commands ?? [], { workspace, permission, expectedParentPid: 4711 });
}

describe("a worker's shell", () => {
  it.each([
    "echo x > ../a",
    "echo x >> TOP/other/a",
    "echo x > out/a",
    "touch out/../a",
    "cat a | tee ../b",
    "cp a ../b",
    "cp -t ../other a b",
    "cp --target-directory=../other a",
    "mv ../ws-2/x .",
    "mv a TOP/ws-2",
    "rm -rf ../ws-2",
    "rm -rf -- ../*",
    "rm -rf $HOME/x",
    'rm -rf "§{HOME}/x"',
    "mkdir -p ~/x",
    "touch ~root/x",
    "touch {a,../b}",
    `touch ${"{a,b}".repeat(40)}`,
    `touch ${"{a,b,c,d,e,f,g,h}".repeat(6)}`,
    "install -m 755 a /usr/local/bin/a",
    "install -d ../d",
    "ln -s a ../b",
    "ln ../other/a a",
    "ln -s ../other l && echo x > l/a",
    "ln -sfn TOP/other . && cd other && touch a",
    "truncate -s 0 ../log",
    "dd if=/dev/zero of=../a bs=1k count=1",
    "dd if=/dev/zero of=/dev/sda",
    "sed -i s/a/b/ ../a",
    "sed -i -e s/a/b/ src/a ../a",
    "perl -pi -e 's/a/b/' ../a",
    "tar xzf a.tgz -C ..",
    "tar -C ../other -x -f a.tar",
    "tar czf ../a.tgz .",
    "unzip -q a.zip -d ../x",
    "zip -r ../a.zip .",
    "gzip ../a",
    "curl -sSo ../a http://x",
    "wget -O ../a http://x",
    "rsync -a src/ ../other/",
    "rsync -a --delete src/ TOP/other",
    "scp a TOP/other/a",
    "patch -d ../other -p1 < a.diff",
    "sort -o ../a a",
    "find .. -name x -delete",
    "find ../other -type f -exec rm {} +",
    "find . -fprint ../a",
    "cd .. && touch a",
    "cd out && touch ../a",
    "cd src; cd ../..; mkdir x",
    "pushd /; rm x",
    "(cd ..; touch a)",
    "sh -c 'cd .. && touch a'",
    'bash -lc "echo x > ../a"',
    "eval 'touch ../a'",
    "env -i A=1 sudo touch ../a",
    "echo $(touch ../a)",
    "ls | xargs -I{} cp {} ../other",
    "for f in a b; do cp $f ../other; done",
    "exec > ../log",
    "git -C ../other commit -am x",
    "git -C ../other checkout -b x",
    "git --git-dir=../other/.git --work-tree=../other reset --hard",
    "git config --global user.name x",
    "git config -f ../other/config a.b c",
    "GIT_DIR=../other/.git GIT_WORK_TREE=../other git checkout .",
    "mktemp ../x.XXXX",
    "split -b 1m a ../part",
    "pkill -f 'pi --mode rpc'",
    ": >| ../a",
    "exec 3<> ../a",
    "\\rm ../a; 'touch' ../b",
    'rm "$PWD"/../a',
    "mkdir d; ln -s ../.. d/up; rm d/up/a",
    "git worktree add ../ws-3",
    "git clone https://example.com/x ../x",
    "git init ../x",
    "git archive -o ../a.tar HEAD",
    "git bundle create ../a.bundle --all",
    "echo x > .git/hooks/pre-commit",
    "cp hook .git/hooks/pre-push",
    "chmod +x .git/hooks/pre-push",
    "echo x >> .git/config",
    "rm -rf .muster/runs",
    "echo '{}' >> .muster/runs/r/journal/0001.jsonl",
    "cd .muster && touch x",
    "touch /tmp/.muster/x",
    "ln -s .muster m && rm -rf m/runs",
    "kill -9 4711",
    "kill -TERM -- -4711",
    "kill -9 $PPID",
    "kill -9 -1",
    "pkill -9 node",
    "killall pi",
    "pkill -f pi-muster",
  ])("does not run: %s", async (text) => {
    expect(await refused(text)).toBeDefined();
  });

  it.each([
    "npm ci",
    "npm test 2>&1 | tail -20",
    "npm run build && npm run lint -- --fix",
    "npx vitest run src/a.test.ts > log.txt 2>&1",
    "pnpm -r build",
    "yarn --cwd packages/a test",
    "cargo build --release 2>/dev/null",
    "go test ./... -coverprofile=cover.out",
    "go build -o bin/app ./cmd/app",
    "make -j4 all",
    "cmake -S . -B build && cmake --build build",
    "python3 -m venv .venv && . .venv/bin/activate && pip install -e .",
    "pytest -q --basetemp=/tmp/pt",
    "docker build -t x .",
    "mvn -q -DskipTests package",
    "./gradlew test --info > build/test.log",
    "git status --short",
    "git add -A && git commit -m 'fix: leave ../other alone'",
    "git checkout -b feature/x",
    "git switch -c x",
    "git stash && git stash pop",
    "git diff HEAD~1 -- src | head",
    "git log --oneline -- ../other | head",
    "git -C ../other log --oneline",
    "git -C src status",
    "git --git-dir=.git --work-tree=. add a",
    "git config user.name x",
    "GIT_DIR=.git GIT_EDITOR=true git commit --amend",
    "git checkout -f main && git clean -fd build",
    "TMP=$(mktemp -d) && mktemp -t x.XXXX && split -b 1m big",
    "git clone https://example.com/x vendor/x",
    "git clone --depth 1 git@example.com:a/b.git",
    "git worktree list",
    "git rebase --onto main a b",
    "git apply < fix.patch",
    "git commit -C HEAD~1",
    "mkdir -p src/{a,b} dist",
    "touch src/a.ts",
    "cp -r src dist",
    "cp ../other/template.json .",
    "cp /etc/ssl/openssl.cnf conf/",
    "cp file{,.bak}",
    "mv src/a.ts src/b.ts",
    "rm -rf node_modules dist",
    "rm -f *.log src/**/*.tmp",
    "ln -s ../other/shared shared",
    "ln -sf /usr/bin/python3 bin/python",
    "ln -s src lib && touch lib/x",
    "chmod +x scripts/run.sh",
    "chmod -R u=rw,go= conf",
    "install -m 755 build/app bin/app",
    "sed -i 's/a/b/' src/a.ts",
    "sed -i '/^import x/d' src/a.ts",
    "sed -i -e '/^x/d' -e 's#/a#/b#' in/a.ts",
    "sed -n '/^import/p' ../other/a",
    "perl -pi -e 's{/usr}{/opt}' src/a",
    "awk '{print > \"/dev/stderr\"}' a",
    "cat <<'EOF' > src/new.ts\nexport const a = '../../etc';\nrm -rf /\nEOF",
    "echo done > /dev/null 2>&1",
    "echo x | tee -a build.log > /dev/stderr",
    "mktemp -d && touch /tmp/x && rm -rf /tmp/x",
    "mkdir -p /tmp/work && cp -r . /tmp/work",
    "tar xzf pkg.tgz -C /tmp",
    "tar -tzf ../pkg.tgz",
    "tar czf dist.tgz dist",
    "tar czf - . | (cd /tmp && tar xzf -)",
    "cd /tmp && touch x && rm x",
    "cd src && touch ../b && cd - && ls",
    "(cd ..; ls) && touch a",
    "cd ../other && git log",
    "pushd src && touch a && popd",
    'cd "$(git rev-parse --show-toplevel)" && touch a',
    'for f in src/*.ts; do mv "$f" "§{f%.ts}.js"; done',
    "find . -name '*.orig' -delete",
    "find src -type f -exec sed -i s/a/b/ {} +",
    "find .. -maxdepth 1 -name '*.md'",
    "grep -rl foo src | xargs sed -i 's/foo/bar/g'",
    "ls ../other > listing.txt",
    "diff -u ../other/a a > a.diff; patch -p1 < a.diff",
    "curl -fsSL https://example.com/i.json -o data/i.json",
    "curl -s -X POST http://localhost:3000 -d @body.json",
    "wget -q https://example.com/a.tgz",
    "wget -qO- https://example.com | head",
    "rsync -a src/ dist/",
    "rsync -av --exclude ../x src/ host:/srv/",
    "unzip -o a.zip -d vendor",
    "gzip -c ../other/log > log.gz",
    "sort -u names -o names",
    "dd if=/dev/urandom of=blob bs=1k count=1",
    "node -e 'console.log(1)' > out.json",
    "npm start & sleep 2; kill $!; kill %1",
    "kill -1 9999 || kill -TERM 9999",
    "pkill -f 'vite --port 3000'",
    "export PATH=$PWD/bin:$PATH; command -v node",
    "touch $PWD/a $TMPDIR/muster-x",
    "constructor a; hasOwnProperty ../b",
    "psql -c 'drop table x' > out.txt",
  ])("runs: %s", async (text) => {
    expect(await refused(text)).toBeUndefined();
  });

  it("is kept inside however the same is written", async () => {
    const writes = [
      "touch TOP/x",
      "cp a TOP/x",
      "rm -r TOP/other",
      "git -C TOP/other reset",
      "tar -xC TOP/other",
    ];
    const wrapping = fc.tuple(fc.constantFrom(...disguises), fc.constantFrom(...inner));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...writes), wrapping, async (command, [outer, within]) => {
        expect(await refused(outer(within(command)))).toBeDefined();
      }),
      { numRuns: 300 },
    );
  });

  it("of a worker with all rights writes outside, too, but not to what is git's or ours", async () => {
    expect(await refused("touch ../a ~/b; git config --global a.b c", "full")).toBeUndefined();
    for (const path of [".git/hooks/x", ".muster/x", "../.muster/x", "out/../.muster/x"])
      expect(await refused(`touch ${path}`, "full")).toBeDefined();
  });

  it("may use the temporary directory, but not what lies there beside its workspace", async () => {
    expect(await refused(`touch ${tmpdir()}/muster-other/x`)).toBeUndefined();
    expect(await refused("touch TOP/x")).toContain("outside the workspace");
  });
});
