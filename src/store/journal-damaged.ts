import type { JournalReading } from "../core/ports.ts";

/** The journal cannot be trusted behind this place, or was written by a newer version. Nothing was changed. */
export class JournalDamaged extends Error {
  override readonly name = "JournalDamaged";
  /** `file:line`. */
  readonly where: string;
  readonly remedy: string;

  constructor({ where, message, remedy }: NonNullable<JournalReading["problem"]>) {
    super(`${where}: ${message}; ${remedy}`);
    this.where = where;
    this.remedy = remedy;
  }
}
