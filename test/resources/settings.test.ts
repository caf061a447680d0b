import { chmod, mkdir, readdir, readFile, stat, symlink } from "node:fs/promises";
import path from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultSettings } from "../../src/core/settings.ts";
import { changeSetting, loadSettings, settingKeys } from "../../src/resources/settings.ts";
import { directoryWith } from "./places.ts";

async function filesWith(user?: string | object, project?: string | object) {
  const text = (value: string | object) =>
    typeof value === "string" ? value : JSON.stringify(value, undefined, 2);
  const root = await directoryWith({
    ...(user !== undefined && { "user.json": text(user) }),
    ...(project !== undefined && { "project.json": text(project) }),
  });
  return { user: path.join(root, "user.json"), project: path.join(root, "project.json") };
}

test("without files everything is the default, and nothing is made", async () => {
  const files = await filesWith();
  const { settings, sources, problems } = await loadSettings(files);
  expect(settings).toEqual(defaultSettings);
  expect(problems).toEqual([]);
  expect(new Set(Object.values(sources))).toEqual(new Set(["default"]));
  expect(Object.keys(sources)).toEqual(settingKeys().map(({ key }) => key));
  expect(await readdir(path.dirname(files.user))).toEqual([]);
});

test("the project's file lies over the user's, field by field", async () => {
  const files = await filesWith(
    { concurrency: 2, limits: { runMaxMs: 9_000_000 }, environmentDeny: ["AWS_*"] },
    { $schema: "x", concurrency: 3, limits: { tasksMax: 7 }, environmentDeny: ["DB_*"] },
  );
  const { settings, sources, problems } = await loadSettings(files);
  expect(problems).toEqual([]);
  expect(settings).toMatchObject({
    concurrency: 3,
    limits: { runMaxMs: 9_000_000, tasksMax: 7 },
    environmentDeny: ["AWS_*", "DB_*"],
  });
  expect(sources).toMatchObject({
    concurrency: "project",
    "limits.runMaxMs": "user",
    "limits.tasksMax": "project",
    team: "default",
  });
  expect((await loadSettings({ user: files.user })).settings.concurrency).toBe(2);
});

test.for<[string, string | object, number, RegExp, RegExp]>([
  [
    "a text for a number",
    { team: "x", concurrency: "4" },
    3,
    /"concurrency" is "4"/,
    /whole number from 1 to 1000/,
  ],
  [
    "a number too large",
    { limits: { killAfterMs: 60_000 } },
    3,
    /"limits.killAfterMs" is 60000/,
    /from 100 to 9000/,
  ],
  ["a fraction", { depthMax: 1.5 }, 2, /"depthMax" is 1.5/, /whole number/],
  ["null", { model: null }, 2, /"model" is null/, /must be text/],
  ["an unknown word", { onOwnerLoss: "die" }, 2, /"onOwnerLoss" is "die"/, /park \| continue/],
  ["a list of numbers", { environmentDeny: [1] }, 2, /"environmentDeny" is \[1\]/, /list of texts/],
  ["a misspelt key", { concurency: 4 }, 2, /unknown setting "concurency"/, /did you mean "concurrency"/],
  [
    "a misspelt nested key",
    { limits: { runMaxMS: 4 } },
    3,
    /unknown setting "limits.runMaxMS"/,
    /"limits.runMaxMs"/,
  ],
  ["a group that is none", { limits: 4 }, 2, /"limits" is 4/, /\{/],
  ["a list", "[]", 1, /not an object/, /write/],
  ["no JSON", '{\n  "team": "x",\n  oops\n}', 3, /not JSON/, /correct/],
  ["an empty file", "", 1, /not JSON/, /correct/],
  ["__proto__", '{"__proto__": {"x": 1}}', 1, /unknown setting "__proto__"/, /use one of/],
])("%s is told with its line and changes nothing", async ([, content, line, message, remedy]) => {
  const files = await filesWith(content);
  const before = await readFile(files.user, "utf8");
  const { settings, problems } = await loadSettings(files);
  expect(problems).toEqual([
    {
      where: `${files.user}:${line}`,
      message: expect.stringMatching(message),
      remedy: expect.stringMatching(remedy),
    },
  ]);
  expect({ ...settings, team: "default" }).toEqual(defaultSettings);
  expect(await readFile(files.user, "utf8")).toBe(before);
});

test("what cannot be read is a problem, never empty", async () => {
  const files = await filesWith();
  await mkdir(files.user);
  expect((await loadSettings(files)).problems).toMatchObject([
    { message: expect.stringMatching("not a regular file") },
  ]);
  expect(await changeSetting(files.user, "team", "x")).toMatchObject({ ok: false });
});

test.for<[string, object]>([
  ["limits.attemptMaxMs", { limits: { attemptMaxMs: 20_000_000 } }],
  ["limits.attemptMaxMs", { limits: { runMaxMs: 3_600_000 } }],
  ["limits.toolMaxMs", { limits: { toolMaxMs: 7_300_000 } }],
  ["limits.silenceMaxMs", { limits: { silenceMaxMs: 1_900_000 } }],
  ["limits.abortAfterMs", { limits: { abortAfterMs: 500_000 } }],
  ["limits.nudgeAfterMs", { limits: { abortAfterMs: 0, nudgeAfterMs: 500_000 } }],
  ["limits.nudgeAfterMs", { limits: { nudgeAfterMs: 310_000 } }],
  ["limits.startMaxMs", { limits: { startMaxMs: 3_000_000, attemptMaxMs: 2_000_000 } }],
  ["limits.termAfterMs", { limits: { termAfterMs: 5_000 } }],
  ["retries.backoffMs", { retries: { backoffMaxMs: 1_000 } }],
  ["concurrency", { workersPerMachine: 2 }],
])("a %s that cannot hold is lowered, and both ways out are told", async ([key, content]) => {
  const { settings, problems } = await loadSettings(await filesWith(content));
  expect(problems).toMatchObject([
    {
      message: expect.stringMatching(`"${key}".*is larger than`),
      remedy: expect.stringMatching(`^set ${key} to at most \\d+, or `),
    },
  ]);
  const { limits, retries } = settings;
  expect(limits.startMaxMs).toBeLessThanOrEqual(limits.attemptMaxMs);
  expect(limits.attemptMaxMs).toBeLessThanOrEqual(limits.runMaxMs);
  expect(limits.termAfterMs).toBeLessThanOrEqual(limits.killAfterMs);
  expect(retries.backoffMs).toBeLessThanOrEqual(retries.backoffMaxMs);
  expect(settings.concurrency).toBeLessThanOrEqual(settings.workersPerMachine);
});

test("a project names no code to load", async () => {
  const { settings, problems } = await loadSettings(await filesWith({}, { workerExtensions: ["./evil.ts"] }));
  expect(settings.workerExtensions).toBe("configured");
  expect(problems).toMatchObject([{ message: expect.stringMatching("project cannot name extensions") }]);
  const own = await loadSettings(
    await filesWith({ workerExtensions: ["/mine.ts"] }, { workerExtensions: "none" }),
  );
  expect(own).toMatchObject({ settings: { workerExtensions: "none" }, problems: [] });
});

test.for<[string, string, unknown]>([
  ["concurrency", "6", 6],
  ["model", "provider/id:high", "provider/id:high"],
  ["model", "12", "12"],
  ["team", '"review"', "review"],
  ["environmentDeny", "AWS_*, DB_URL", ["AWS_*", "DB_URL"]],
  ["environmentDeny", '["A"]', ["A"]],
  ["workerExtensions", "none", "none"],
  ["limits.tasksMax", " 12 ", 12],
])("%s = %s can be set, read back and unset, and leaves the rest alone", async ([key, text, value]) => {
  const before = { zebra: { kept: [1] }, limits: { goalMaxBytes: 5_000 }, onOwnerLoss: "continue" };
  const files = await filesWith(before);
  expect(await changeSetting(files.user, key, text)).toEqual({ ok: true });
  const { settings, sources } = await loadSettings(files);
  expect(key.split(".").reduce<unknown>((at, name) => Reflect.get(Object(at), name), settings)).toEqual(
    value,
  );
  expect(sources[key]).toBe("user");
  expect(JSON.parse(await readFile(files.user, "utf8"))).toMatchObject(before);
  expect(await changeSetting(files.user, key, undefined)).toEqual({ ok: true });
  expect(JSON.parse(await readFile(files.user, "utf8"))).toEqual(before);
  expect(await readdir(path.dirname(files.user))).toEqual(["user.json"]);
});

test("a wrong change says what is allowed and touches nothing", async () => {
  const files = await filesWith("{ broken");
  expect(await changeSetting(files.user, "teem", "x")).toMatchObject({
    ok: false,
    problems: [{ where: "key", remedy: expect.stringMatching('"team"') }, { where: `${files.user}:1` }],
  });
  expect(await changeSetting(files.user, "concurrency", "many")).toMatchObject({
    ok: false,
    problems: [{ where: "value", remedy: expect.stringMatching("1 to 1000") }, { where: `${files.user}:1` }],
  });
  expect(await changeSetting(files.user, "concurrency", "3")).toMatchObject({
    ok: false,
    problems: [{ where: `${files.user}:1` }],
  });
  expect(await readFile(files.user, "utf8")).toBe("{ broken");
});

test("a new file is private, and a link keeps pointing at what changed", async () => {
  const files = await filesWith({ team: "x" });
  const fresh = path.join(path.dirname(files.user), ".muster/config.json");
  expect(await changeSetting(fresh, "team", "review")).toEqual({ ok: true });
  expect((await stat(fresh)).mode & 0o777).toBe(0o600);
  const link = path.join(path.dirname(files.user), "link.json");
  await chmod(files.user, 0o600);
  await symlink(files.user, link);
  expect(await changeSetting(link, "team", "review")).toEqual({ ok: true });
  expect(JSON.parse(await readFile(files.user, "utf8"))).toEqual({ team: "review" });
});

test("whatever a file holds, settings come out and are in order", async () => {
  const file = fc.oneof(
    fc.string(),
    fc.json(),
    fc.dictionary(
      fc.constantFrom(...settingKeys().map(({ key }) => key), "limits", "retries"),
      fc.jsonValue(),
    ),
  );
  await fc.assert(
    fc.asyncProperty(file, file, async (user, project) => {
      const { settings, sources } = await loadSettings(await filesWith(user, project));
      expect(Object.keys(settings).sort()).toEqual(Object.keys(defaultSettings).sort());
      expect(Object.keys(sources)).toHaveLength(settingKeys().length);
      expect(settings.limits.termAfterMs).toBeLessThanOrEqual(settings.limits.killAfterMs);
    }),
    { numRuns: 100 },
  );
});

const onlyRules = {
  permissions: { deny: ["write(secret/*)"], ask: ["bash(rm *)"], allow: ["bash(git push *)"] },
};

test("a project's rules add to the user's; one that nobody trusts can only forbid more", async () => {
  const user = { permissions: { deny: ["web_*"], ask: ["bash(rm *)"], askMaxMs: 5_000 } };
  const { user: file, project } = await filesWith(user, { ...onlyRules, concurrency: 2 });
  const merged = { deny: ["web_*", "write(secret/*)"], ask: ["bash(rm *)"], askMaxMs: 5_000 };
  const trusted = await loadSettings({ user: file, project });
  expect(trusted.settings.permissions).toEqual({ ...merged, allow: ["bash(git push *)"] });
  const untrusted = await loadSettings({ user: file, untrusted: project });
  expect(untrusted.settings.permissions).toEqual({ ...merged, allow: [] });
  expect(untrusted.settings.concurrency).not.toBe(2);
});

test.each([
  ["deny", "bash(git:*)"],
  ["deny", "bash(git push"],
  ["ask", "bash()"],
  ["ask", "two words"],
  ["ask", "submit_result"],
  ["allow", "write(src/*)"],
  ["allow", "bash"],
])(
  "a rule that could not be kept is told, and nothing is run before it is mended: %s %s",
  async (list, rule) => {
    const files = await filesWith({ permissions: { [list]: ["bash(ls *)", rule] } });
    const { problems, blocking } = await loadSettings({ user: files.user });
    const message = `"permissions.${list}" is ${JSON.stringify([rule])} and is ignored`;
    expect(problems).toMatchObject([{ message, remedy: expect.stringContaining("a list of rules such as") }]);
    expect(blocking).toEqual(problems);
  },
);
