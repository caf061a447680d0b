import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import scriptedModel from "../../src/entry/scripted-model.ts";

/** Ids of the calls that the model answers this conversation with. */
async function callIds(messages: readonly object[]): Promise<readonly string[]> {
  const providers: { streamSimple(...given: readonly unknown[]): { result(): Promise<unknown> } }[] = [];
  const host: unknown = {
    registerProvider: (_: string, provider: (typeof providers)[0]) => providers.push(provider),
  };
  // Only what it calls of the host is there.
  scriptedModel(host as Parameters<typeof scriptedModel>[0]);
  const answer = await providers[0]?.streamSimple({ id: "demo" }, { messages, tools: [] }).result();
  const { content } = answer as { content: readonly { type: string; id?: string }[] };
  return content.flatMap(({ type, id }) => (type === "toolCall" && id !== undefined ? [id] : []));
}

test("calls of a conversation have ids of their own, whatever was asked before and in whichever process", async () => {
  const place = await mkdtemp(join(tmpdir(), "muster-script-"));
  onTestFinished(() => rm(place, { recursive: true }));
  vi.stubEnv("PI_MUSTER_SCRIPT", join(place, "script.json"));
  onTestFinished(() => void vi.unstubAllEnvs());
  const turns = [[{ tool: "bash" }, { tool: "bash" }], [{ text: "so" }]];
  await writeFile(join(place, "script.json"), JSON.stringify([{ turns }]));
  const prompt = { role: "user", content: "begin" };
  const first = await callIds([prompt]);
  const second = await callIds([prompt, { role: "assistant", content: [] }, { role: "toolResult" }, prompt]);
  expect(new Set([...first, ...second]).size).toBe(4);
});
