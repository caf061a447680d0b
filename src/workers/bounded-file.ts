import { appendFile } from "node:fs/promises";

/** A growing file with a limit. Nothing is created before the first text. */
export interface BoundedFile {
  /** Adds the text, or counts it as dropped when the limit would be passed. Never throws. */
  append(text: string): void;
  /** Resolves when all is written, a last line about dropped text included; with the error, if the disk refused. */
  close(): Promise<unknown>;
}

/** `lastLine` says what was left out: `dropped` texts over the limit. The limit holds without that line. */
export function boundedFile(
  path: string,
  maxBytes: number,
  lastLine: (dropped: number) => string,
): BoundedFile {
  let bytes = 0;
  let dropped = 0;
  let waiting = "";
  let failure: unknown;
  let writing: Promise<void> | undefined;

  const flush = async (): Promise<void> => {
    while (waiting !== "" && failure === undefined) {
      const text = waiting;
      waiting = "";
      try {
        await appendFile(path, text, { mode: 0o600 });
      } catch (error) {
        failure = error;
      }
    }
    writing = undefined;
  };
  const write = (text: string): void => {
    waiting += text;
    writing ??= flush();
  };
  return {
    append(text) {
      const size = Buffer.byteLength(text);
      if (failure !== undefined || dropped > 0 || bytes + size > maxBytes) {
        dropped += 1;
        return;
      }
      bytes += size;
      write(text);
    },
    async close() {
      if (dropped > 0 && failure === undefined) write(lastLine(dropped));
      await writing;
      return failure;
    },
  };
}
