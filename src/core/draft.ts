import { type RunEvent, type StoredEvent, schemaVersion } from "./events.ts";
import { evolve } from "./evolve.ts";
import type { RunState } from "./state.ts";

/** Events decided so far, and the state they lead to. */
export class Draft {
  readonly events: RunEvent[] = [];
  readonly at: number;
  state: RunState;

  constructor(state: RunState, at: number) {
    this.state = state;
    this.at = at;
  }

  add(event: RunEvent): void {
    this.events.push(event);
    const { seq, epoch } = this.state;
    const stored: StoredEvent = {
      ...event,
      v: schemaVersion,
      seq: seq + 1,
      epoch,
      at: new Date(this.at).toISOString(),
    };
    this.state = evolve(this.state, stored);
  }
}
