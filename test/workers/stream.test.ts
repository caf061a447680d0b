import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { headBytes, lineSplitter } from "../../src/workers/stream.ts";

interface Heard {
  readonly lines: string[];
  readonly skimmed: { readonly head: string; readonly bytes: number }[];
}

/** Feeds the bytes cut at the given places and yields what was told. */
function split(bytes: Buffer, cuts: readonly number[], lineMaxBytes: number): Heard {
  const heard: Heard = { lines: [], skimmed: [] };
  const splitter = lineSplitter(
    {
      onLine: (line) => heard.lines.push(line),
      onSkimmed: (head, count) => heard.skimmed.push({ head, bytes: count }),
    },
    (head) => head.startsWith("skip"),
    lineMaxBytes,
  );
  let from = 0;
  for (const cut of [...cuts.map((one) => one % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    splitter.push(bytes.subarray(from, cut));
    from = cut;
  }
  splitter.end();
  return heard;
}

const piece = fc.oneof(
  fc.constantFrom("\n", "\n\n", "skip", "\u2028", "\u2029", "\r\n", "\0", "é", "😀", '{"type":"x"}'),
  fc.string({ unit: "binary", maxLength: 80 }),
  fc.integer({ min: 100, max: headBytes }).map((length) => "long ".repeat(length / 5)),
);

describe("a line splitter", () => {
  it("yields the same lines however the bytes arrive, each kept, skimmed or dropped", () => {
    fc.assert(
      fc.property(
        fc.array(piece),
        fc.array(fc.nat()),
        fc.integer({ min: headBytes, max: headBytes + 200 }),
        (pieces, cuts, max) => {
          const bytes = Buffer.from(pieces.join("").toWellFormed());
          const expected = bytes
            .toString()
            .split("\n")
            .filter((line) => line !== "");
          const heard = split(bytes, cuts, max);
          const wanted = (line: string): boolean =>
            !line.startsWith("skip") && Buffer.byteLength(line) <= max;
          expect(heard.lines).toEqual(expected.filter(wanted));
          const others = expected.filter((line) => !wanted(line));
          expect(heard.skimmed.map((one) => one.bytes)).toEqual(
            others.map((line) => Buffer.byteLength(line)),
          );
        },
      ),
    );
  });

  it("drops a flood without line ends and goes on with the next line", () => {
    const flood = Buffer.concat([Buffer.alloc(1_000_000, "y"), Buffer.from("\nnext\n")]);
    const heard = split(flood, [10, 70, 500_000], 2_000);
    expect(heard).toEqual({
      lines: ["next"],
      skimmed: [{ head: "y".repeat(headBytes), bytes: 1_000_000 }],
    });
  });
});
