import { type FSWatcher, unwatchFile, watch, watchFile } from "node:fs";

/** How often to look although nothing was heard, ms: network mounts and some containers deliver no events. */
export const pollMs = 1_000;

/** Tells that something in a directory may have changed. A hint: whoever waits looks for himself. */
export interface DirectoryWatch {
  /** Resolves on the first event since the last call, after `pollMs`, or when the signal aborts. */
  changed(): Promise<void>;
  /** Gives every handle back. */
  close(): void;
}

/** Waits `ms`, or less when the signal aborts. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

/**
 * Watches one directory (not below it) until closed. Events between two waits are not missed. The process stays alive
 * as long as the watch is open.
 */
export function watchDirectory(path: string, sleep: Sleep, signal: AbortSignal): DirectoryWatch {
  let heard = false;
  let wake: (() => void) | undefined;
  const ring = (): void => {
    heard = true;
    wake?.();
  };
  const stop = startWatching(path, ring);
  signal.addEventListener("abort", ring, { once: true });
  return {
    async changed() {
      if (!heard && !signal.aborted) {
        const waited = new AbortController();
        const rung = new Promise<void>((resolve) => {
          wake = resolve;
        });
        await Promise.race([rung, sleep(pollMs, waited.signal)]);
        waited.abort();
        wake = undefined;
      }
      heard = false;
    },
    close() {
      signal.removeEventListener("abort", ring);
      stop();
    },
  };
}

function startWatching(path: string, ring: () => void): () => void {
  let watcher: FSWatcher;
  try {
    watcher = watch(path, { persistent: true }, ring);
  } catch {
    // No such directory yet, or the system is out of watches: look at the directory's own times instead.
    watchFile(path, { persistent: true, interval: pollMs }, ring);
    return () => unwatchFile(path, ring);
  }
  // A watcher dies with its directory. The poll goes on; what it then finds is the caller's to judge.
  watcher.on("error", ring);
  return () => watcher.close();
}
