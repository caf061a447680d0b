import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createRedactor } from "../../src/lib/redact.ts";
import { keepArtifact } from "../../src/workers/artifacts.ts";
import { makeWork } from "../support/workers/work.ts";

const secret = "value-of-a-secret-4711";
const { redact } = createRedactor({ SOME_TOKEN: secret, DB_PASSWORD: "p@ss w0rd ü" });

/** The artifact that becomes of the content. */
async function kept(content: Buffer): Promise<Buffer> {
  const { cwd, artifacts } = await makeWork();
  await mkdir(artifacts, { recursive: true });
  await writeFile(join(cwd, "file"), content);
  const artifact = await keepArtifact(cwd, "file", { artifacts, task: "t1", attempt: 1, redact });
  return await readFile(join(artifacts, "path" in artifact ? artifact.path : "refused"));
}

it("a file is redacted, whatever bytes it holds, and nothing else of it changes", async () => {
  for (const odd of [[0xff], [0], [0, 0xff, 0x0a], [0xe4]]) {
    const frame = (text: string): Buffer =>
      Buffer.concat([Buffer.from(odd), Buffer.from(`ü ${text} ü\n`), Buffer.from(odd)]);
    expect(await kept(frame(secret))).toEqual(frame("[redacted]"));
  }
  const latin = Buffer.concat([Buffer.from([0xff]), Buffer.from("p@ss w0rd ü")]);
  expect((await kept(latin)).toString("latin1")).toBe("\xff[redacted]");
});

it("a file of any bytes without a secret stays as it is", async () => {
  const bytes = Buffer.from(Array.from({ length: 4_096 }, (_, at) => (at * 7) % 256));
  expect(await kept(bytes)).toEqual(bytes);
  // Bytes that would be an address with a password, were they text.
  const picture = Buffer.from("\x00\x89://\xe0\x12:\x01\x02\x03@", "latin1");
  expect(await kept(picture)).toEqual(picture);
});
