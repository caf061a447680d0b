import { mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Request } from "../../src/core/commands.ts";
import { openRunStore } from "../../src/store/run-store.ts";
import { freshStore, runId } from "./places.ts";

const cancel = (id: string, reason = ""): Request => ({ id, kind: "cancel", by: "a person", reason });
const inboxOf = (root: string): string => join(root, "runs", runId, "inbox");

describe("inbox", () => {
  it("keeps one private file a request, in the order of posting, idempotent by id", async () => {
    const store = await freshStore();
    const ids = ["z9", "b", "a", "y", "c.1_2"];
    for (const id of ids) await store.inbox(runId).post(cancel(id));
    await Promise.all([1, 2, 3].map(() => store.inbox(runId).post(cancel("b", "again"))));
    const inbox = openRunStore(store.root).inbox(runId);
    expect((await inbox.pending()).map(({ id }) => id)).toEqual(ids);
    expect(await inbox.pending()).toContainEqual(cancel("b"));
    expect((await readdir(inboxOf(store.root))).sort()).toEqual(ids.map((id) => `${id}.json`).sort());
    expect((await stat(join(inboxOf(store.root), "b.json"))).mode & 0o777).toBe(0o600);
    await inbox.discard(["b", "z9", "never-there"]);
    expect((await inbox.pending()).map(({ id }) => id)).toEqual(["a", "y", "c.1_2"]);
  });

  it("sets aside what is no request, tells of it, and loses nothing", async () => {
    const store = await freshStore();
    const inbox = store.inbox(runId);
    const directory = inboxOf(store.root);
    const good = JSON.stringify({ v: 1, at: 1, request: cancel("good") });
    const bad: Record<string, string> = {
      torn: good.slice(0, 30),
      empty: "",
      other: good,
      list: "[]",
      kind: JSON.stringify({ v: 1, at: 1, request: { id: "kind", kind: "explode" } }),
      noReason: JSON.stringify({ v: 1, at: 1, request: { id: "noReason", kind: "cancel", by: "x" } }),
      noPlan: JSON.stringify({ v: 1, at: 1, request: { id: "noPlan", kind: "start", terms: {} } }),
      newer: JSON.stringify({ v: 2, at: 1, request: cancel("newer") }),
      noTime: JSON.stringify({ v: 1, request: cancel("noTime") }),
    };
    for (const [id, text] of Object.entries(bad)) await writeFile(join(directory, `${id}.json`), text);
    await writeFile(join(directory, "good.json"), good);
    await mkdir(join(directory, "directory.json"));
    await symlink("/etc/passwd", join(directory, "link.json"));
    expect(await inbox.pending()).toEqual([cancel("good")]);
    expect(await inbox.pending()).toEqual([cancel("good")]);
    const problems = await store.problems(runId);
    expect(problems).toHaveLength(Object.keys(bad).length + 2);
    for (const [id, text] of Object.entries(bad)) {
      expect(await readFile(join(directory, `${id}.json.bad`), "utf8")).toBe(text);
      expect(problems.map(({ where }) => where)).toContain(join(directory, `${id}.json.bad`));
    }
    await writeFile(join(directory, "torn.json"), "again");
    await inbox.pending();
    expect(await readFile(join(directory, "torn.json.bad"), "utf8")).toBe(bad.torn);
    expect(await readFile(join(directory, "torn.json.2.bad"), "utf8")).toBe("again");
  });

  it("refuses ids that would leave the directory, and runs that are not there", async () => {
    const store = await freshStore();
    for (const id of ["", "../x", "a/b", ".hidden", "a\0", "x".repeat(200), "a b"]) {
      await expect(store.inbox(runId).post(cancel(id)), id).rejects.toThrow("cannot name a file");
      await expect(store.inbox(runId).discard([id]), id).rejects.toThrow("cannot name a file");
    }
    const lost = store.inbox("20261121-no-run");
    await expect(lost.post(cancel("a"))).rejects.toMatchObject({ name: "RunNotFound" });
    await expect(lost.pending()).rejects.toMatchObject({ name: "RunNotFound" });
    expect(() => store.inbox("../../etc")).toThrow("no run");
  });

  it("announces each arrival once, what was there before included, and ends on abort", async () => {
    const store = await freshStore();
    const [inbox, other] = [store.inbox(runId), store.inbox(runId)];
    const ending = new AbortController();
    await other.post(cancel("before"));
    await inbox.changed(ending.signal);
    let arrived = false;
    const second = inbox.changed(ending.signal).then(() => {
      arrived = true;
    });
    expect(await other.pending()).toHaveLength(1);
    expect(arrived).toBe(false);
    await other.post(cancel("after"));
    await second;
    const third = inbox.changed(ending.signal);
    ending.abort();
    await third;
  });

  it("sweeps what killed posters left unfinished", async () => {
    const store = await freshStore();
    const leftover = join(inboxOf(store.root), ".a.json.12ab.tmp");
    await writeFile(leftover, "{");
    await utimes(leftover, 1, 1);
    expect(await store.inbox(runId).pending()).toEqual([]);
    expect(await readdir(inboxOf(store.root))).toEqual([]);
  });
});
