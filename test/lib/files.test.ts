import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  errnoOf,
  exists,
  isRealDirectory,
  makeDirectory,
  readIfExists,
  sweepTemporaries,
  writeAtomic,
} from "../../src/lib/files.ts";
import { sha256 } from "../../src/lib/hash.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "muster-files-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe("files", () => {
  it("replaces a file as a whole, privately, and leaves no temporary file", async () => {
    const path = join(directory, "deep", "file.json");
    await makeDirectory(join(directory, "deep"));
    await writeAtomic(path, "one");
    await Promise.all(["two", "two", "two"].map((text) => writeAtomic(path, text, { durable: false })));
    expect(await readFile(path, "utf8")).toBe("two");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, "deep"))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(directory, "deep"))).toEqual(["file.json"]);
  });

  it("leaves nothing behind when the target cannot be replaced", async () => {
    await mkdir(join(directory, "taken"));
    await writeFile(join(directory, "taken", "x"), "");
    await expect(writeAtomic(join(directory, "taken"), "text")).rejects.toThrow();
    expect(await readdir(directory)).toEqual(["taken"]);
  });

  it("tells a missing file from one that must not be read", async () => {
    await writeFile(join(directory, "real"), "12345");
    await symlink(join(directory, "real"), join(directory, "link"));
    expect(await readIfExists(join(directory, "none"))).toBeUndefined();
    expect(await readIfExists(join(directory, "real"))).toBe("12345");
    const codes = await Promise.all(
      [
        readIfExists(join(directory, "link")),
        readIfExists(directory),
        readIfExists(join(directory, "real"), 4),
        isRealDirectory(join(directory, "link")),
      ].map((read) => read.catch(errnoOf)),
    );
    expect(codes).toEqual(["ELOOP", "EISDIR", "EFBIG", "ENOTDIR"]);
    expect(await exists(join(directory, "none"))).toBe(false);
    expect(await exists(join(directory, "link"))).toBe(true);
  });

  it("sweeps temporary files that nobody writes any more, and no others", async () => {
    for (const name of [".a.12.tmp", ".b.34.tmp", "c.tmp", ".d"]) await writeFile(join(directory, name), "");
    for (const name of [".a.12.tmp", "c.tmp", ".d"]) await utimes(join(directory, name), 1, 1);
    await sweepTemporaries(directory, Date.now());
    expect((await readdir(directory)).sort()).toEqual([".b.34.tmp", ".d", "c.tmp"]);
  });

  it("hashes text and bytes alike", () => {
    const known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    expect([sha256("abc"), sha256(Buffer.from("abc"))]).toEqual([known, known]);
  });
});
