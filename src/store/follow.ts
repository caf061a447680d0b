import type { StoredEvent } from "../core/events.ts";
import { JournalDamaged } from "../core/failure.ts";
import type { Clock } from "../core/ports.ts";
import { watchDirectory } from "../lib/watch.ts";
import { JournalCursor } from "./journal-cursor.ts";

/**
 * Yields every record from `fromSeq` on exactly once and in order, over all takeovers, then waits for more until the
 * signal aborts. Holds one watch while it runs and no open file. Throws `JournalDamaged` at the first bad place.
 */
export async function* followJournal(
  journal: string,
  fromSeq: number,
  signal: AbortSignal,
  clock: Clock,
): AsyncGenerator<StoredEvent, void, undefined> {
  const watch = watchDirectory(journal, clock.sleep, signal);
  try {
    const cursor = new JournalCursor(journal);
    while (!signal.aborted) {
      const { events, problem } = await cursor.next();
      for (const event of events) {
        if (signal.aborted) return;
        if (event.seq >= fromSeq) yield event;
      }
      if (problem !== undefined) throw new JournalDamaged(problem);
      if (events.length === 0) await watch.changed();
    }
  } finally {
    watch.close();
  }
}
