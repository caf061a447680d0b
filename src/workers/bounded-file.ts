import { createWriteStream, type WriteStream } from "node:fs";
import { finished } from "node:stream/promises";

/** A growing file with a limit. Nothing is created before the first text. */
export interface BoundedFile {
  /** Adds the text, or counts it as dropped from when the limit would be passed. Never throws. */
  append(text: string): void;
  /** Resolves when all is written, a last line about dropped text included, or the disk refused. */
  close(): Promise<void>;
}

/** `lastLine` says what was left out: `dropped` texts over the limit. The limit holds without that line. */
export function boundedFile(
  path: string,
  maxBytes: number,
  lastLine: (dropped: number) => string,
): BoundedFile {
  let stream: WriteStream | undefined;
  let bytes = 0;
  let dropped = 0;
  const write = (text: string): void => {
    // What is lost here is an account for people; a disk that refuses shows at the outcome, which matters.
    stream ??= createWriteStream(path, { flags: "a", mode: 0o600 }).on("error", () => undefined);
    if (!stream.destroyed) stream.write(text);
  };
  return {
    append(text) {
      bytes += Buffer.byteLength(text);
      if (bytes > maxBytes) dropped += 1;
      else write(text);
    },
    async close() {
      if (dropped > 0) write(lastLine(dropped));
      if (stream) await finished(stream.end()).catch(() => undefined);
    },
  };
}
