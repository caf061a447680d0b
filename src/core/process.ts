/**
 * A process as it can be recognised later: a pid alone may be recycled. `startTime` is the kernel's own
 * spelling (clock ticks since boot on Linux), `bootId` names the boot it belongs to.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
  readonly bootId: string;
}

/** The third answer is for machines and moments where the process table cannot be read: it never kills and never deletes. */
export type Liveness = "alive" | "gone" | "indeterminate";
