import type { ExtensionAPI, ExtensionContext } from "@mariozechner/pi-coding-agent";
import type { Clock } from "../core/ports.ts";
import { isFinalRun } from "../core/status.ts";
import type { RunView } from "../core/view.ts";
import { type Ledger, ledgerType, type Rest, readLedger, type Told } from "./ledger.ts";
import { type Notice, noticeMessage, questionMessage, recoveryMessage } from "./notice.ts";
import type { Recovered } from "./run-feed.ts";

export interface HeraldTerms {
  readonly clock: Clock;
  /** Lends the host, each time anew because contexts go stale; does nothing when the session is over. */
  readonly touch: (act: (ctx: ExtensionContext, pi: ExtensionAPI) => void) => void;
  /** Shows a line to the person. */
  readonly say: (text: string, level: "info" | "error") => void;
}

/** Tells the lead of a session's runs, each thing exactly once, whatever is reloaded, killed or asked for in between. */
export class Herald {
  readonly #terms: HeraldTerms;
  /** A run's id for each call that waits for it: their result tells what a notice would tell. */
  #held: readonly string[] = [];
  /** The session's runs and what the lead was told of them, or what at least waits in the agent's queue. */
  readonly #ledger: Ledger = new Map();

  constructor(terms: HeraldTerms) {
    this.#terms = terms;
  }

  /** Takes up what the session's entries say, and gives the runs whose end was not told yet. */
  takeUp(entries: readonly unknown[]): readonly string[] {
    const open: string[] = [];
    for (const [runId, told] of readLedger(entries)) {
      this.#ledger.set(runId, told);
      if (!told.has("over")) open.push(runId);
    }
    return open;
  }

  /** The agent's queue survives a reload: what is in it will be delivered, and is not told again. */
  handOver(): void {
    this.#terms.touch((ctx, pi) => {
      const written = readLedger(ctx.sessionManager.getEntries());
      for (const [runId, rests] of this.#ledger)
        for (const told of rests)
          if (!written.get(runId)?.has(told)) pi.appendEntry(ledgerType, { runId, told });
    });
  }

  knows(runId: string): boolean {
    return this.#ledger.has(runId);
  }

  /** The run is the session's from now on. */
  meet(runId: string): void {
    if (this.knows(runId)) return;
    this.#terms.touch((_, pi) => pi.appendEntry(ledgerType, { runId }));
    this.#note(runId);
  }

  /** The lead has learnt this of a run by another way than a notice. */
  learnt(runId: string, told: Told): void {
    if (this.#isTold(runId, told)) return;
    this.#terms.touch((_, pi) => {
      pi.appendEntry(ledgerType, { runId, told });
      this.#note(runId, told);
    });
  }

  /** A call waits for the run. */
  hold(runId: string): void {
    this.#held = [...this.#held, runId];
  }

  /** One call less waits for it. */
  release(runId: string): void {
    const at = this.#held.indexOf(runId);
    this.#held = this.#held.filter((_, index) => index !== at);
  }

  /** Tells the lead exactly once. It is woken for what it left in the background, and never at a start. */
  rested(view: RunView, late: boolean, directory: string): void {
    const { runId, status, background } = view;
    const rest = restOf(status);
    if (rest === undefined || this.#held.includes(runId) || this.#isTold(runId, rest)) return;
    const message = noticeMessage(view, rest, directory, this.#terms.clock.now());
    const level = status === "failed" ? "error" : "info";
    this.#note(runId, rest);
    this.#tell(message, background ? (late ? "follow" : "wake") : "wait", level);
  }

  /** Tells the lead once that its run goes on under another driver; nobody is kept from work for that. */
  recovered(view: RunView, { epoch, kept, again }: Recovered): void {
    const { runId } = view;
    const told = `recovered-${epoch}` as const;
    if (this.#isTold(runId, told)) return;
    const message = recoveryMessage(view, told, { kept, again }, this.#terms.clock.now());
    if (this.#held.includes(runId)) {
      this.#terms.say(message.content, "info");
      this.learnt(runId, told);
    } else {
      this.#note(runId, told);
      this.#tell(message, "wait", "info");
    }
  }

  /** Tells the lead once of each question; a call that waits for the run comes back with it by itself. */
  asked(view: RunView, late: boolean): void {
    const { runId, background } = view;
    for (const { id } of view.questions) {
      const told = `asked-${id}` as const;
      if (this.#isTold(runId, told)) continue;
      if (this.#held.includes(runId)) this.learnt(runId, told);
      else {
        this.#note(runId, told);
        const message = questionMessage(view, told, id, this.#terms.clock.now());
        this.#tell(message, background ? (late ? "follow" : "wake") : "wait", "info");
      }
    }
  }

  #isTold(runId: string, rest: Told): boolean {
    return this.#ledger.get(runId)?.has(rest) ?? false;
  }

  #note(runId: string, ...rests: readonly Told[]): void {
    this.#ledger.set(runId, new Set([...(this.#ledger.get(runId) ?? []), ...rests]));
  }

  /** `wake`: the agent answers to it; `follow`: it hears of it when it is done; `wait`: with the next prompt, and the person at once. */
  #tell(message: Notice, how: "wake" | "follow" | "wait", level: "info" | "error"): void {
    this.#terms.touch((ctx, pi) => {
      const isIdle = ctx.isIdle();
      if (how === "wake") pi.sendMessage(message, { triggerTurn: true, deliverAs: "followUp" });
      else if (isIdle) pi.sendMessage(message);
      else if (how === "follow") pi.sendMessage(message, { deliverAs: "followUp" });
      else {
        // A person started it and can read; the agent is not kept from its work.
        ctx.ui.notify(message.content, level);
        pi.sendMessage({ ...message, display: false }, { deliverAs: "nextTurn" });
      }
    });
  }
}

/** How a run of this status rests, if it does. */
export function restOf(status: string): Rest | undefined {
  if (status === "blocked") return "blocked";
  return isFinalRun(status) ? "over" : undefined;
}
