import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { defaultSettings } from "../../src/core/settings.ts";
import { accepts, settingKeys } from "../../src/resources/settings.ts";
import { settingsSchema } from "../../src/resources/settings-schema.ts";
import { packageRoot } from "./places.ts";

/** Dotted keys of an object, lists being values. */
function keysOf(value: object, prefix = ""): string[] {
  return Object.entries(value).flatMap(([key, member]) =>
    typeof member === "object" && !Array.isArray(member)
      ? keysOf(member, `${prefix}${key}.`)
      : [prefix + key],
  );
}

test("the schema has exactly the keys of Settings, with the same defaults, all acceptable", () => {
  const leaves = settingKeys();
  expect(leaves.map(({ key }) => key).sort()).toEqual(keysOf(defaultSettings).sort());
  for (const { key, schema } of leaves) {
    const value = key
      .split(".")
      .reduce<unknown>((at, name) => Reflect.get(Object(at), name), defaultSettings);
    expect(schema.default, key).toEqual(value);
    expect(accepts(schema, value), key).toBe(true);
    expect(schema.description, key).toMatch(/\S/);
  }
});

test("schema.json is what the schema says (UPDATE_SCHEMA=1 npx vitest run test/resources/settings-schema)", async () => {
  const file = path.join(packageRoot, "schema.json");
  const properties = { $schema: { type: "string" }, ...settingsSchema.properties };
  const whole = { $schema: "http://json-schema.org/draft-07/schema#", ...settingsSchema, properties };
  // Every setting may be left out, nested ones too.
  const optional = (key: string, value: unknown): unknown => (key === "required" ? undefined : value);
  const text = `${JSON.stringify(whole, optional, 2)}\n`;
  if (process.env.UPDATE_SCHEMA) await writeFile(file, text);
  expect(await readFile(file, "utf8")).toBe(text);
});

test("docs/resources.md tells every setting as the schema does (same flag)", async () => {
  const file = path.join(packageRoot, "docs/resources.md");
  const before = await readFile(file, "utf8");
  const rows = settingKeys().map(({ key, type, default: of, description }) =>
    ["", `\`${key}\``, description, type.replaceAll("|", "or"), `\`${JSON.stringify(of)}\``, ""]
      .join(" | ")
      .trim(),
  );
  const head = "| key | meaning | accepted | default |\n|---|---|---|---|\n";
  const text = `${before.slice(0, before.indexOf("| key | meaning | accepted"))}${head}${rows.join("\n")}\n`;
  if (process.env.UPDATE_SCHEMA) await writeFile(file, text);
  expect(await readFile(file, "utf8")).toBe(text);
});
