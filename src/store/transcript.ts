import { join } from "node:path";
import type { RunHistory, TranscriptPart } from "../core/history.ts";
import { openRegular, unlessGone } from "../lib/files.ts";
import { onDisk } from "./disk.ts";
import { type RunDirectory, requireName } from "./run-directory.ts";

type Where = Parameters<RunHistory["transcript"]>[3];

/** A record longer than this many times the bound is not read. */
const longestRecord = 8;
const newline = 10;

/** Reads a stretch of the transcript that an attempt of this run left, or is leaving. */
export async function readTranscript(
  run: RunDirectory,
  task: string,
  attempt: number,
  where: Where,
): Promise<TranscriptPart> {
  requireName("task", task);
  const path = join(run.attempts, `${task}-${attempt}`, "session.jsonl");
  return await onDisk("read", path, async () => {
    const opened = await unlessGone(openRegular(path));
    const at = where.after ?? where.before ?? 0;
    if (opened === undefined) return { path, records: [], from: at, to: at };
    const { file, bytes } = opened;
    try {
      for (let size = where.maxBytes; ; size *= 2) {
        const end =
          where.after === undefined
            ? Math.min(where.before ?? bytes, bytes)
            : Math.min(bytes, where.after + size);
        const start = where.after ?? Math.max(0, end - size);
        const length = Math.max(0, end - start);
        const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
        const part = wholeRecords(
          buffer.subarray(0, bytesRead),
          start,
          where.after !== undefined || start === 0,
        );
        const isAll = where.after === undefined ? start === 0 : end === bytes;
        if (part.records.length > 0 || isAll) return { path, ...part };
        // A record that is out of all bounds is skipped.
        if (size >= longestRecord * where.maxBytes) return { path, records: [], from: start, to: end };
      }
    } finally {
      await file.close();
    }
  });
}

/** The records of which all is there. What comes before the first line break is the end of another, unless it `isStart`. */
function wholeRecords(content: Buffer, at: number, isStart: boolean): Omit<TranscriptPart, "path"> {
  const from = isStart ? 0 : content.indexOf(newline) + 1;
  const to = content.lastIndexOf(newline) + 1;
  if (to <= from) return { records: [], from: at + to, to: at + to };
  const records = content
    .subarray(from, to - 1)
    .toString("utf8")
    .split("\n");
  return { records: records.filter((record) => record !== ""), from: at + from, to: at + to };
}
