import { mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { perform } from "../../src/actions/perform.ts";
import { type PastWorld, pastWorld, started } from "../support/past.ts";

async function finished(world: PastWorld): Promise<string> {
  const runId = await started(world);
  await Promise.all(world.drives);
  return runId;
}

function said(text: string): string {
  return `${JSON.stringify({ type: "message_end", message: { role: "assistant", content: text } })}\n`;
}

async function exported(world: PastWorld, path: string): Promise<string> {
  const { ok, text, details } = await perform("export", { path }, world.context);
  expect({ ok, text }).toMatchObject({ ok: true });
  return await readFile(details.paths?.[0] ?? "", "utf8");
}

describe("export to a path that ends in .html", () => {
  it("writes a private file, with what was said in every attempt, of long ones both ends, and no secret", async () => {
    const world = await pastWorld();
    const runId = await finished(world);
    const attempts = join(world.root, "runs", runId, "attempts");
    for (const task of ["a-1", "b-1"]) await mkdir(join(attempts, task), { recursive: true });
    await writeFile(join(attempts, "a-1", "session.jsonl"), said("it is s3cret1 <b>"));
    const many = Array.from({ length: 9_000 }, (_, index) =>
      said(`${index} of many words, ${"x".repeat(40)}`),
    );
    await writeFile(join(attempts, "b-1", "session.jsonl"), many.join(""));
    const report = await exported(world, "sub/r.HTML");
    expect(report).toContain("it is [redacted] &lt;b&gt;");
    for (const there of ["0 of many", "left out here", "Transcript of attempt 1"])
      expect(report).toContain(there);
    expect(report.length).toBeLessThan(1_000_000);
    expect((await stat(join(world.project, "sub/r.HTML"))).mode & 0o777).toBe(0o600);
    expect(await readdir(join(world.project, "sub"))).toEqual(["r.HTML"]);
    expect((await exported(world, ".html")).length).toBe(report.length);
    expect(await readdir(join(world.root, "exports"))).toEqual([
      expect.stringMatching(`^${runId}\\..*\\.html$`),
    ]);
  });

  it("names a transcript that it cannot read, and follows no link", async () => {
    const world = await pastWorld();
    const runId = await finished(world);
    const attempt = join(world.root, "runs", runId, "attempts", "a-1");
    await mkdir(attempt, { recursive: true });
    await writeFile(join(world.project, "elsewhere"), said("not yours"));
    await symlink(join(world.project, "elsewhere"), join(attempt, "session.jsonl"));
    const { text } = await perform("export", { path: "r.html" }, world.context);
    expect(text).toContain(`Transcripts that could not be read: a/1 (`);
    expect(await readFile(join(world.project, "r.html"), "utf8")).not.toContain("not yours");
  });

  it("replaces nothing, and writes no more than export.maxBytes", async () => {
    const world = await pastWorld();
    await finished(world);
    await writeFile(join(world.project, "r.html"), "mine");
    const refused = await perform("export", { path: "r.html" }, world.context);
    expect(refused).toMatchObject({ ok: false, text: expect.stringContaining("exists already") });
    expect(await readFile(join(world.project, "r.html"), "utf8")).toBe("mine");
    await writeFile(world.context.settingsFiles.user, '{"export":{"maxBytes":1000}}');
    const large = await perform("export", { path: "s.html" }, world.context);
    expect(large).toMatchObject({
      ok: false,
      text: expect.stringMatching(/set export\.maxBytes to at least \d+/),
    });
    expect(await readdir(world.project)).not.toContain("s.html");
  });

  it("shows a damaged run up to the damage, and what is wrong", async () => {
    const world = await pastWorld();
    const runId = await finished(world);
    const segment = join(world.root, "runs", runId, "journal", "0001.jsonl");
    await writeFile(segment, (await readFile(segment, "utf8")).replace('"seq":6', '"seq":9'));
    expect(await exported(world, "r.html")).toMatch(/class="reason">[^<]*0001\.jsonl:6/);
  });
});
