import { expect, test } from "vitest";
import { settle, World } from "./fake-world.ts";

test("settings are shown, changed through the action, and what it refuses is said while the text stays", async () => {
  const world = new World();
  const row = { key: "concurrency", value: 4, source: "default", default: 4 } as const;
  world.settingRows = [{ ...row, type: "a whole number", choices: [], description: "Workers at once." }];
  const asked: unknown[] = [];
  world.perform = async (action, given) => {
    asked.push([action, given]);
    const ok = asked.length > 1;
    return { ok, text: ok ? "concurrency = 8 (user)" : "it cannot be 4x", details: { action, ok } };
  };
  const pi = await world.start();
  await pi.commands.get("team-settings")?.handler("conc", pi.context());
  const screen = () => pi.overlayLines(100, 24).join("\n");
  expect(screen()).toMatch(/Settings 0 of 1 your own filter "conc" writes user: \/user\/config\.json/);
  expect(screen()).toMatch(/▸ concurrency +4 default Workers at once\./);
  for (const key of ["\r", "x", "\r"]) pi.overlayKey(key);
  await settle();
  expect(screen()).toMatch(/it cannot be 4x[\s\S]*concurrency ▸ 4x▏/);
  for (const key of ["\x7f", "\x7f", "8"]) pi.overlayKey(key);
  world.settingRows = world.settingRows.map((one) => ({ ...one, value: 8, source: "user" }));
  pi.overlayKey("\r");
  await settle();
  expect(screen()).toMatch(/▸ concurrency +8 user [\s\S]*concurrency = 8 \(user\)/);
  const set = (value: string) => ["config", { key: "concurrency", value, scope: "user" }];
  expect(asked).toEqual([set("4x"), set("8")]);
  for (const key of ["\x1b", "\x1b"]) pi.overlayKey(key);
  expect(pi.session.overlay).toBeUndefined();
});

test("definitions are shown with what they hide, and one as a whole; without a screen a list is the answer", async () => {
  const world = new World();
  const agent = { kind: "agent", name: "critic", source: "project", isBroken: false } as const;
  world.definitionRows = [
    { ...agent, description: "Looks.", file: "/p/critic.md", shadows: ["/b/critic.md"] },
  ];
  const asked: unknown[] = [];
  world.perform = async (action, given) => {
    asked.push([action, given]);
    return { ok: true, text: "You are \x1b[31ma critic.", details: { action, ok: true } };
  };
  const pi = await world.start();
  await pi.commands.get("team")?.handler("resources", pi.context());
  expect(pi.overlayLines(100, 24).join("\n")).toMatch(
    /critic +agent project Looks\.[\s\S]*stands in for \/b/,
  );
  pi.overlayKey("\r");
  await settle();
  expect(pi.overlayLines(100, 24).join("\n")).toContain("You are a critic.");
  await pi.end("quit");
  expect(pi.session.overlay).toBeUndefined();

  world.session.mode = "rpc";
  const next = await world.start();
  await next.commands.get("team-resources")?.handler("", next.context());
  await next.commands.get("team-settings")?.handler("concurrency 9", next.context());
  await settle();
  expect(asked.slice(1)).toEqual([
    ["list", "--resource agent"],
    ["config", ""],
  ]);
});

test("the wheel does what the arrow keys do, where the host tells of it", async () => {
  const world = new World();
  const of = (key: string) => ({ key, value: 1, source: "default", default: 1 }) as const;
  const more = { type: "a whole number", choices: [], description: "" };
  world.settingRows = [
    { ...of("depthMax"), ...more },
    { ...of("workersPerMachine"), ...more },
  ];
  const pi = await world.start();
  await pi.commands.get("team-settings")?.handler("", pi.context());
  const chosen = () => /▸ (\S+)/.exec(pi.overlayLines(100, 24).join("\n"))?.[1];
  const wheel = (wheelDelta: number) => pi.session.overlay?.screen.handleMouse({ type: "wheel", wheelDelta });
  const [first, second] = [chosen(), wheel(1) && chosen()];
  expect([first, second, wheel(-1) && chosen()]).toEqual(["depthMax", "workersPerMachine", "depthMax"]);
  expect(pi.session.overlay?.screen.handleMouse({ type: "press", button: "left" })).toBeUndefined();
});
