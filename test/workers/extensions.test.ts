import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterAll, expect, it } from "vitest";
import { configuredExtensions, namedExtensions } from "../../src/workers/extensions.ts";

const root = await realpath(await mkdtemp(join(tmpdir(), "muster-extensions-")));
afterAll(() => rm(root, { recursive: true, force: true }));
/** Makes files below a directory of this test; yields that directory. */
async function place(name: string, files: Record<string, unknown>): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    const full = join(root, name, path);
    await mkdir(dirname(full), { recursive: true });
    await writeFile(full, typeof content === "string" ? content : JSON.stringify(content));
  }
  return join(root, name);
}
async function found(
  name: string,
  files: Record<string, unknown>,
  trusted = true,
): Promise<readonly string[]> {
  const home = await place(name, files);
  const places = { agentDir: join(home, "agent"), home, project: join(home, "project"), trusted };
  const npmRoot = async (): Promise<string> => join(home, "global");
  return (await configuredExtensions({ ...places, npmRoot })).map((file) => relative(home, file));
}

it("finds what the host would load by itself, project first, packages last", async () => {
  const names = await found("all", {
    "agent/settings.json": {
      extensions: ["~/mine.ts", "extra"],
      packages: ["npm:global-one@1.0.0", "git:github.com/u/r@v1", "https://example.org/a/b.git", "../local"],
    },
    "agent/extensions/solo.ts": "",
    "agent/extensions/folder/index.ts": "",
    "agent/extensions/notes.md": "",
    "agent/extra/one.js": "",
    "mine.ts": "",
    "global/global-one/package.json": { pi: { extensions: ["./src/*.ts", "!src/no.ts"] } },
    "global/global-one/src/yes.ts": "",
    "global/global-one/src/no.ts": "",
    "agent/git/github.com/u/r/extensions/git.ts": "",
    "agent/git/example.org/a/b/index.ts": "",
    "local/package.json": { pi: { extensions: ["main.mjs"] } },
    "local/main.mjs": "",
    "project/.pi/settings.json": { packages: ["npm:@scope/in-project"] },
    "project/.pi/extensions/theirs.ts": "",
    "project/.pi/npm/node_modules/@scope/in-project/extensions/p.ts": "",
  });
  expect(names).toEqual([
    "project/.pi/extensions/theirs.ts",
    "mine.ts",
    "agent/extra/one.js",
    "agent/extensions/folder/index.ts",
    "agent/extensions/solo.ts",
    "project/.pi/npm/node_modules/@scope/in-project/extensions/p.ts",
    "global/global-one/src/yes.ts",
    "agent/git/github.com/u/r/extensions/git.ts",
    "agent/git/example.org/a/b/index.ts",
    "local/main.mjs",
  ]);
});

it("leaves out what the user switched off, and everything of a project that is not trusted", async () => {
  const files = {
    "agent/settings.json": {
      extensions: ["-extensions/off.ts"],
      packages: [
        { source: "npm:none", extensions: [] },
        { source: "npm:some", extensions: ["extensions/a*.ts", "!**/ab.ts"] },
      ],
    },
    "agent/extensions/off.ts": "",
    "agent/npm/node_modules/none/extensions/x.ts": "",
    "agent/npm/node_modules/some/extensions/a.ts": "",
    "agent/npm/node_modules/some/extensions/ab.ts": "",
    "agent/npm/node_modules/some/extensions/b.ts": "",
    "project/.pi/extensions/theirs.ts": "",
  };
  expect(await found("filters", files, false)).toEqual(["agent/npm/node_modules/some/extensions/a.ts"]);
});

it("never finds this package, by whatever way it was installed", async () => {
  const ours = { name: "pi-muster", pi: { extensions: ["./dist/index.mjs"] } };
  const checkout = await place("checkout", { "package.json": ours, "dist/index.mjs": "" });
  await place("self/agent", {
    "extensions/keep": "",
    "settings.json": { packages: ["npm:pi-muster", "git:github.com/x/pi-muster", checkout, "npm:other"] },
  });
  await symlink(checkout, join(root, "self/agent/extensions/linked"));
  const names = await found("self", {
    "agent/npm/node_modules/pi-muster/package.json": ours,
    "agent/npm/node_modules/pi-muster/dist/index.mjs": "",
    "agent/npm/node_modules/other/extensions/o.ts": "",
    "agent/git/github.com/x/pi-muster/package.json": ours,
    "agent/git/github.com/x/pi-muster/dist/index.mjs": "",
  });
  expect(names).toEqual(["agent/npm/node_modules/other/extensions/o.ts"]);
  await place("checkout", { "dist/scripted-model.mjs": "" });
  const provider = join(checkout, "dist/scripted-model.mjs");
  expect(await namedExtensions([checkout, join(checkout, "dist/index.mjs"), provider])).toEqual([provider]);
});

it("names each file once, and nothing for settings that are no settings", async () => {
  expect(await found("broken", { "agent/settings.json": "{{", "agent/extensions/a.ts": "" })).toEqual([
    "agent/extensions/a.ts",
  ]);
  const twice = join(root, "broken", "agent", "extensions", "a.ts");
  expect(await namedExtensions([twice, twice, join(root, "missing.ts")])).toEqual([twice]);
});
