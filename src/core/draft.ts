import type { RunEvent } from "./events.ts";
import { evolveTo } from "./evolve.ts";
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
    this.state = evolveTo(this.state, event, this.state.epoch, this.at);
  }
}
