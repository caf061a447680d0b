import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isBuildCurrent } from "../../src/entry/loading.ts";
import { alwaysOnCost } from "./always-on.ts";
import { copyOfCheckout, hostCommand, install, output, pack, type Started, started } from "./packed.ts";

let scratch = "";
const checkout = (): string => join(scratch, "checkout");
const project = (): string => join(scratch, "project");
const installed = (): string => join(project(), "node_modules/pi-muster");
const manifest = (): Promise<string> => readFile(join(checkout(), "package.json"), "utf8");

async function home(name: string): Promise<string> {
  const path = join(scratch, "homes", name);
  await mkdir(join(path, "work"), { recursive: true });
  return path;
}

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "muster-package-"));
  await copyOfCheckout(checkout());
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe("the packed package", { shuffle: false }, () => {
  it("ships what it needs to run and to be understood, and nothing else", async () => {
    const before = await manifest();
    const { file, contents } = await pack(checkout(), scratch);
    const top =
      /^(dist|agents|teams|workflows|skills|docs)\/|^(schema\.json|README\.md|CHANGELOG\.md|LICENSE|package\.json)$/;
    expect(contents.filter((path) => !top.test(path))).toEqual([]);
    expect(contents).toEqual(
      expect.arrayContaining(["dist/index.mjs", "dist/build.json", "README.md", "LICENSE"]),
    );
    expect(await manifest()).toBe(before);
    await install(file, project());
  });

  it("installs as one package, without a second host", async () => {
    const packages = await readdir(join(project(), "node_modules"));
    expect(packages.filter((name) => !name.startsWith("."))).toEqual(["pi-muster"]);
  });

  it("gives the host its tool and commands, loaded natively", async () => {
    const host = await started(await home("packed"), [installed()]);
    expectTeam(host);
    const loads = host.stderr.split("\n").filter((line) => line.includes("pi-muster"));
    expect(loads.filter((line) => line.includes("[native]")).join("\n")).toContain("dist/index.mjs");
    expect(loads.filter((line) => /\[(transpile|cache|esm|fallback)\]/.test(line))).toEqual([]);
  });

  it("costs less than 1,500 tokens while it is not used", async () => {
    const { tool, prompt } = await alwaysOnCost(installed(), home);
    expect(tool).toBeGreaterThan(100);
    expect(prompt).toBeGreaterThan(10);
    expect(tool + prompt).toBeLessThan(1_500);
  });

  it("can be installed into the host and removed again without a trace", async () => {
    const user = await home("user");
    await hostCommand(user, ["install", installed()]);
    expect(await hostCommand(user, ["list"])).toContain("pi-muster");
    await hostCommand(user, ["remove", installed()]);
    expect(await hostCommand(user, ["list"])).not.toContain("pi-muster");
    expect(await readFile(join(user, "agent/settings.json"), "utf8")).not.toContain("pi-muster");
    await output(project(), "npm", ["uninstall", "--silent", "pi-muster"]);
    const left = await readdir(join(project(), "node_modules")).catch(() => []);
    expect(left.filter((name) => !name.startsWith("."))).toEqual([]);
  });
});

describe("a checkout", () => {
  it("works unbuilt, from its sources", async () => {
    await rm(join(checkout(), "dist"), { recursive: true, force: true });
    expectTeam(await started(await home("sources"), [checkout()]));
  });

  it("is built by the install that the host makes of a git source, hooks untouched", async () => {
    const origin = join(scratch, "origin");
    await copyOfCheckout(origin);
    await rm(join(origin, "node_modules"));
    const git = (...args: string[]) =>
      output(origin, "git", ["-c", "user.name=t", "-c", "user.email=t@localhost", ...args]);
    await git("init", "-q");
    await git("add", "-A");
    await git("commit", "-q", "--no-verify", "-m", "all");
    const clone = join(scratch, "clone");
    await git("clone", "-q", origin, clone);
    await output(clone, "npm", ["install", "--omit=dev", "--prefer-offline", "--silent"]);
    expect(await isBuildCurrent(clone)).toBe(true);
    expect(await output(clone, "git", ["config", "--list", "--local"])).not.toContain("core.hookspath");
    expectTeam(await started(await home("git"), [clone]));
  });
});

describe("an interrupted packing", () => {
  const step = (name: string) => output(checkout(), process.execPath, ["scripts/pack.mjs", name]);

  it("is put right by the next step, whatever it is", async () => {
    const before = await manifest();
    await step("pack");
    expect(JSON.parse(await manifest()).pi.extensions).toEqual(["./dist/index.mjs"]);
    await step("pack");
    await step("restore");
    await step("restore");
    expect(await manifest()).toBe(before);
  });

  it("is refused when the manifest was edited since, and loses neither text", async () => {
    const before = await manifest();
    await step("pack");
    await appendFile(join(checkout(), "package.json"), "\n");
    await expect(step("restore")).rejects.toThrow(/merge it with .*package\.json\.checkout by hand/);
    expect(await readFile(join(checkout(), "package.json.checkout"), "utf8")).toBe(before);
    await rm(join(checkout(), "package.json.checkout"));
    await writeFile(join(checkout(), "package.json"), before);
  });
});

function expectTeam(host: Started): void {
  expect(host.tools.map((tool) => tool.name)).toContain("team");
  expect(host.commands).toEqual(expect.arrayContaining(["team", "team-run", "team-status"]));
}
