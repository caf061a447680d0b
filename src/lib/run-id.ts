import { randomBytes, randomUUID } from "node:crypto";

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/**
 * A new run id that sorts by time and that people can read: `20261121-132814-042-k3f9x`. `now` is ms since the epoch;
 * the time is UTC, the tail random.
 */
export function newRunId(now: number): string {
  const [date = "", time = ""] = new Date(now).toISOString().split("T");
  const clock = time.replace("Z", "").replaceAll(":", "").replace(".", "-");
  const tail = [...randomBytes(5)].map((byte) => alphabet[byte % alphabet.length]).join("");
  return `${date.replaceAll("-", "")}-${clock}-${tail}`;
}

/** A new request id, usable as a file name. */
export function newRequestId(): string {
  return randomUUID();
}
