import { lineSplitter } from "./stream.ts";

const lineMaxBytes = 16_000;
/** A private key block is never longer than this. */
const keyMaxLength = 20_000;
const frame = /-----(BEGIN|END) [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;

/**
 * Reads stderr and tells its lines, each at once. The lines of a private key are told together, because only as a
 * whole it is known as one: from its head to its end, another key's head, or until no key is so long. Of a line that is
 * too long to be looked through, only the length is told: its beginning could be that of a secret.
 */
export function errorLines(onText: (text: string) => void): { push(chunk: Buffer): void; end(): void } {
  let held: string[] = [];
  let length = 0;
  const release = (): void => {
    if (held.length > 0) onText(held.join("\n"));
    held = [];
    length = 0;
  };
  const take = (line: string): void => {
    const last = [...line.matchAll(frame)].at(-1)?.[1];
    if (last === "BEGIN") release();
    const isOpen = last === "BEGIN" || (last === undefined && held.length > 0);
    held.push(line);
    length += line.length + 1;
    if (!isOpen || length > keyMaxLength) release();
  };
  const lines = lineSplitter(
    { onLine: take, onSkimmed: (_head, bytes) => take(`[a line of ${bytes} bytes]`) },
    () => false,
    lineMaxBytes,
  );
  return {
    push: lines.push,
    end() {
      lines.end();
      release();
    },
  };
}
