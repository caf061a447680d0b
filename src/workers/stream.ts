/** What a splitter tells. Text is UTF-8 decoded; lines end at LF only, so U+2028 stays inside them. */
export interface LineReader {
  /** A whole line, without its LF. */
  onLine(line: string): void;
  /** A line that was unwanted or too long: only its first bytes (Latin-1), and its length. */
  onSkimmed(head: string, bytes: number): void;
}

/** Bytes from which a line's kind is told, and what it adds to an answer that is being written. */
export const headBytes = 1_024;

/**
 * Cuts a byte stream into lines in bounded memory: a line whose head is `unwanted` is counted, never gathered, and so
 * is the rest of a line longer than `lineMaxBytes`. `end` yields an unfinished last line.
 */
export function lineSplitter(
  reader: LineReader,
  unwanted: (head: string) => boolean,
  lineMaxBytes: number,
): { push(chunk: Buffer): void; end(): void } {
  let kept: Buffer[] = [];
  let bytes = 0;
  let head = "";
  let isDecided = false;
  let isKept = true;

  const decide = (): void => {
    if (!isDecided) isKept &&= !unwanted(head);
    isDecided = true;
  };
  const take = (part: Buffer): void => {
    if (head.length < headBytes) head += part.toString("latin1", 0, headBytes - head.length);
    bytes += part.length;
    if (head.length >= headBytes) decide();
    if (bytes > lineMaxBytes) isKept = false;
    if (isKept) kept.push(part);
    else kept = [];
  };
  const finish = (): void => {
    decide();
    if (!isKept) reader.onSkimmed(head, bytes);
    else if (bytes > 0) reader.onLine(Buffer.concat(kept).toString("utf8"));
    kept = [];
    bytes = 0;
    head = "";
    isDecided = false;
    isKept = true;
  };
  return {
    push(chunk) {
      for (let from = 0; from < chunk.length; ) {
        const end = chunk.indexOf(10, from);
        take(chunk.subarray(from, end < 0 ? chunk.length : end));
        if (end < 0) return;
        finish();
        from = end + 1;
      }
    },
    end() {
      if (bytes > 0) finish();
    },
  };
}
