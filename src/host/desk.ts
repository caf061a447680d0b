import type { ActionResult } from "../actions/context.ts";
import type { Origin } from "../core/events.ts";
import type { Clock, RunEngine } from "../core/ports.ts";
import type { Dialogs } from "./look.ts";
import type { Loaded, PlanForm, Project } from "./parts.ts";

/** What a dialog needs of the session that opened it. */
export interface Desk {
  readonly sessionId: string;
  readonly engine: RunEngine;
  readonly clock: Clock;
  /** Aborted when the session is over: then every dialog closes. */
  readonly signal: AbortSignal;
  readonly ui: Dialogs;
  readonly planForm: PlanForm;
  /** Names of the agents that there are. */
  readonly agents: () => Promise<readonly string[]>;
  /** Does it as the person does, and gives what came of it. */
  readonly request: (name: string, raw: unknown) => Promise<ActionResult>;
  /** Does it as the person does who types the command, and shows what came of it. */
  readonly perform: (name: string, line: string) => Promise<void>;
  readonly say: (text: string) => void;
}

/** As much of a session as a desk stands on. */
interface Owner {
  readonly id: string;
  readonly signal: AbortSignal;
  say(text: string, level: "info" | "error"): void;
  perform(
    name: string,
    given: { readonly raw: unknown } | { readonly line: string },
    call: { readonly origin: Origin; readonly returnsAtOnce: true },
  ): Promise<ActionResult>;
}

/** A call as the person makes it who types the command of this name. */
export function asTyped(name: string) {
  return { origin: { kind: "user", id: `/team-${name}` }, returnsAtOnce: true } as const;
}

/** The desk of a session. */
export function deskOf(
  owner: Owner,
  { loaded, project }: { readonly loaded: Loaded; readonly project: Project },
  ui: Dialogs,
  clock: Clock,
): Desk {
  const { id: sessionId, signal } = owner;
  return {
    ...{ sessionId, signal, ui, clock, engine: project.engine, planForm: loaded.planForm },
    agents: () => project.names("agent"),
    request: (name, raw) => owner.perform(name, { raw }, asTyped(name)),
    perform: async (name, line) => {
      const { ok, text } = await owner.perform(name, { line }, asTyped(name));
      owner.say(text, ok ? "info" : "error");
    },
    say: (text) => owner.say(text, "info"),
  };
}
