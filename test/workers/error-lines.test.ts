import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRedactor } from "../../src/lib/redact.ts";
import { errorLines } from "../../src/workers/error-lines.ts";

const { redact } = createRedactor({});
const begin = "-----BEGIN RSA PRIVATE KEY-----";
const end = "-----END RSA PRIVATE KEY-----";
const body = Array.from({ length: 25 }, (_, at) => `MIIEowIBAAKCAQEA${at}`.padEnd(64, "Qx"));

/** What was told by the time each line was read, and at the end. */
function tell(lines: readonly string[]): {
  readonly soon: readonly string[];
  readonly all: readonly string[];
} {
  const all: string[] = [];
  const errors = errorLines((text) => all.push(text));
  for (const line of lines) errors.push(Buffer.from(`${line}\n`));
  const soon = [...all];
  errors.end();
  return { soon, all };
}

describe("what a worker writes to stderr", () => {
  it("is told line by line at once, all of it and in order", () => {
    const line = fc.oneof(
      fc.constantFrom(begin, end, `${begin} and ${end}`, "word"),
      fc.stringMatching(/^[a-z]+$/),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        const { soon, all } = tell(lines);
        expect(all.join("\n")).toBe(lines.join("\n"));
        if (!lines.includes(begin)) expect(soon).toEqual(lines);
      }),
    );
  });

  it("keeps a private key together, so that it is known as one", () => {
    const { soon } = tell(["before", begin, ...body.map((line) => `[log] ${line}`), end, "after"]);
    expect(soon.map(redact)).toEqual(["before", "[redacted]", "after"]);
  });

  it("does not wait for ever for a key's end, and never tells a key that was cut off", () => {
    const told = tell([begin, ...body])
      .all.map(redact)
      .join("\n");
    expect(told).toBe("[redacted]");
    expect(tell([begin, ...Array.from({ length: 500 }, () => "x".repeat(60))]).soon.length).toBeGreaterThan(
      1,
    );
    expect(tell([begin, ...body, begin, ...body, end]).soon.map(redact)).toEqual([
      "[redacted]",
      "[redacted]",
    ]);
  });

  it("names only the length of a line that is too long to be looked through", () => {
    expect(tell([`${"s3cret-".repeat(3_000)}`, "after"]).all).toEqual(["[a line of 21000 bytes]", "after"]);
  });
});
