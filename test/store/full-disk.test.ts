import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { freshDirectory } from "./places.ts";

const program = fileURLToPath(new URL("full-disk.ts", import.meta.url));
const run = promisify(execFile);

/** The program's report from a namespace with a small file system: as root, else as root of a user namespace. */
async function inSmallFileSystem(directory: string): Promise<unknown> {
  const script = `mount -t tmpfs -o size=512k tmpfs "$1" && exec "$2" --import jiti/register "$3" "$1"`;
  const failures: string[] = [];
  for (const flags of [["-m"], ["-r", "-m"]]) {
    try {
      await run("unshare", [...flags, "true"]);
    } catch (error) {
      failures.push(String(error));
      continue;
    }
    const args = [...flags, "sh", "-c", script, "sh", directory, process.execPath, program];
    return JSON.parse((await run("unshare", args)).stdout);
  }
  throw new Error(
    `THE FULL DISK WAS NOT TESTED: this machine grants no mount namespace. ${failures.join("; ")}`,
  );
}

it("a full or read-only disk is a named error, nothing rejected is ever read, and room makes it go on", async () => {
  const journal = "/.muster/runs/20261121-full-disk/journal";
  expect(await inSmallFileSystem(await freshDirectory())).toEqual({
    full: { cause: "disk_full", code: "ENOSPC", path: `${journal}/0001.jsonl` },
    again: { cause: "disk_full", code: "ENOSPC", path: `${journal}/0001.jsonl` },
    manifestRefusal: { cause: "disk_full", code: "ENOSPC", path: expect.stringContaining("manifest.json") },
    postRefusal: { cause: "disk_full", code: "ENOSPC", path: expect.stringContaining("late.json") },
    createRefusal: { cause: "disk_full", code: "ENOSPC", path: "/.muster/runs/20261121-half-made" },
    runs: ["20261121-full-disk"],
    readOnly: { cause: "read_only", code: "EROFS", path: `${journal}/0001.jsonl` },
    pending: ["early"],
    leftovers: [],
    readWhenFull: { problem: null, isWhatWasAccepted: true },
    oldManifest: 1,
    reads: [
      { problem: null, isWhatWasAccepted: true },
      { problem: null, isWhatWasAccepted: true },
    ],
    followedAll: true,
  });
});
