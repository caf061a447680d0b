import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { identityOf, ownIdentity, probe } from "../../src/lib/identity.ts";

describe("identity", () => {
  it("recognises this process, and nobody with the same pid but another start or boot", async () => {
    const own = await ownIdentity();
    expect(own).toMatchObject({ pid: process.pid, startTime: expect.stringMatching(/^\d+$/) });
    expect(await identityOf(process.pid)).toEqual(own);
    expect(await probe(own)).toBe("alive");
    expect(await probe({ ...own, startTime: "1" })).toBe("gone");
    expect(await probe({ ...own, bootId: "another" })).toBe("gone");
    expect(await probe({ ...own, startTime: "unknown" })).toBe("indeterminate");
  });

  it("counts a process as gone from the moment it was killed, reaped or not", async () => {
    // The shell starts a child, tells its pid, and becomes a program that never reaps it.
    const shell = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 61"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [line] = await once(shell.stdout, "data");
    const pid = Number.parseInt(String(line), 10);
    const child = await identityOf(pid);
    if (child === undefined) throw new Error("the child is alive and has an identity");
    expect(await probe(child)).toBe("alive");
    process.kill(pid, "SIGKILL");
    while ((await probe(child)) === "alive");
    expect(await probe(child)).toBe("gone");
    expect(await identityOf(pid)).toBeUndefined();
    shell.kill("SIGKILL");
    await once(shell, "exit");
  });

  it("finds nothing for numbers that are no pid", async () => {
    for (const pid of [0, -1, 1.5, Number.NaN, 4_194_305]) expect(await identityOf(pid)).toBeUndefined();
    expect(await probe({ pid: -1, startTime: "1", bootId: "unknown" })).toBe("gone");
  });
});
