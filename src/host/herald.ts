import type { ExtensionAPI, ExtensionContext } from "@mariozechner/pi-coding-agent";
import type { Clock } from "../core/ports.ts";
import type { Settings, Telling } from "../core/settings.ts";
import { isFinalRun } from "../core/status.ts";
import type { RunView } from "../core/view.ts";
import { type Ledger, ledgerType, movesAgain, type Rest, readLedger, type Told } from "./ledger.ts";
import { askedText, type News, newsText, noticeMessage } from "./notice.ts";
import type { Recovered } from "./run-feed.ts";

export interface HeraldTerms {
  readonly clock: Clock;
  /** Aborted when the session is over. */
  readonly signal: AbortSignal;
  /** Lends the host, each time anew because contexts go stale; does nothing when the session is over. */
  readonly touch: (act: (ctx: ExtensionContext, pi: ExtensionAPI) => void) => void;
  /** Shows a line to the person. */
  readonly say: (text: string, level: "info" | "error") => void;
  /** How this person wants to be told, now. */
  readonly notify: () => Promise<Settings["notify"]>;
  /** The newest view of a run that is followed. */
  readonly viewOf: (runId: string) => RunView | undefined;
  /** False where the host ends with its prompt: then nobody is told but by `tellWithPrompt`. */
  readonly staysAlive: boolean;
  readonly failed: (error: unknown) => void;
}

/** What is to be told, until it is. */
interface Pending extends News {
  /** The person has seen it. */
  isShown: boolean;
}

/**
 * One piece of news is told after `gatherMs`. Where more came by then, others of their kind are likely to be on their way:
 * they are told when none came for `moreMs`, and at the latest after `gatherMaxMs`. At a start, whoever starts the session
 * with a prompt comes first.
 */
const gatherMs = 900;
const moreMs = 2_000;
const gatherMaxMs = 8_000;
const startMs = 1_500;
/** How often a host that is at work is looked at, and how long it is let be when a turn failed: it may try again by itself. */
const lookMs = 250;
const retryMs = 10_000;

/**
 * Tells the lead of a session's runs, each thing exactly once, whatever is reloaded, killed or asked for in between. What
 * was told is what the session file holds; what waits for its moment waits here, not in the host's queue, because from
 * there nothing can be taken back.
 */
export class Herald {
  readonly #terms: HeraldTerms;
  /** A run's id for each of the lead's calls that waits for it: their result tells what a notice would tell. */
  #held: readonly string[] = [];
  /** The session's runs and what the lead was told of them. */
  readonly #ledger: Ledger = new Map();
  readonly #pending = new Map<string, Pending>();
  /** What the person saw as the answer to a command: the lead is not woken for it. */
  readonly #shown = new Set<string>();
  #isGathering = false;
  #notBefore = 0;

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

  /** What was sent and is not yet in the session file when the host reloads is delivered all the same. */
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
    this.#ledger.set(runId, new Set());
  }

  /** The lead has learnt this of a run by another way than a notice: what waits to be told of it is withdrawn. */
  learnt(runId: string, told: Told): void {
    this.#pending.delete(keyOf(runId, told));
    if (this.#isTold(runId, told)) return;
    this.#terms.touch((_, pi) => {
      pi.appendEntry(ledgerType, { runId, told });
      this.#note(runId, told);
    });
  }

  /** The person has learnt it, as the answer to a command. */
  shown(runId: string, told: Told): void {
    this.#shown.add(keyOf(runId, told));
  }

  /** A call of the lead waits for the run. */
  hold(runId: string): void {
    this.#held = [...this.#held, runId];
  }

  /** One call less waits for it. */
  release(runId: string): void {
    const at = this.#held.indexOf(runId);
    this.#held = this.#held.filter((_, index) => index !== at);
  }

  /** A turn of the agent failed or was broken off. */
  calm(): void {
    this.#notBefore = this.#terms.clock.now() + retryMs;
  }

  /** A run ended, or stands still. `late`: before the session began. */
  rested(view: RunView, late: boolean, directory: string): void {
    const told = restOf(view.status);
    if (told !== undefined && !this.#held.includes(view.runId)) this.#add({ view, told, late, directory });
  }

  /** A run goes on: should it stand still again, that is news again. */
  moved(runId: string): void {
    if (!this.#isTold(runId, "blocked")) return;
    this.#terms.touch((_, pi) => pi.appendEntry(ledgerType, { runId, told: movesAgain }));
    this.#ledger.get(runId)?.delete("blocked");
  }

  /** A new driver goes on with a run. */
  recovered(view: RunView, recovered: Recovered): void {
    const told = `recovered-${recovered.epoch}` as const;
    const news = { view, told, late: false, recovered };
    if (!this.#held.includes(view.runId)) this.#add(news);
    else if (!this.#isTold(view.runId, told)) {
      this.#terms.say(newsText(news, this.#terms.clock.now()), "info");
      this.learnt(view.runId, told);
    }
  }

  /**
   * Tasks ask something. A call that waits for the run comes back with it by itself; the person sees it in any case. True
   * when that is news.
   */
  asked(view: RunView, late: boolean): boolean {
    let isNews = false;
    for (const question of view.questions) {
      const told = `asked-${question.id}` as const;
      if (this.#isTold(view.runId, told) || this.#pending.has(keyOf(view.runId, told))) continue;
      if (!late) this.#terms.say(askedText(view, question), "info");
      isNews ||= !late;
      if (this.#held.includes(view.runId)) this.learnt(view.runId, told);
      else this.#add({ view, told, late });
    }
    return isNews;
  }

  /** Puts what is pending before the prompt with which a host that does not stay alive was started. */
  async tellWithPrompt(): Promise<void> {
    const notify = await this.#terms.notify();
    this.#terms.touch((_, pi) => {
      const news = this.#take(notify);
      if (news.length > 0)
        pi.sendMessage(noticeMessage(news, this.#terms.clock.now()), { deliverAs: "nextTurn" });
    });
  }

  #isTold(runId: string, told: Told): boolean {
    return this.#ledger.get(runId)?.has(told) ?? false;
  }

  #note(runId: string, told: Told): void {
    this.#ledger.set(runId, new Set([...(this.#ledger.get(runId) ?? []), told]));
  }

  #add(news: News & { readonly late: boolean }): void {
    const { view, told, late } = news;
    const key = keyOf(view.runId, told);
    if (this.#isTold(view.runId, told) || this.#pending.has(key)) return;
    // The person was told at once that somebody asks.
    this.#pending.set(key, { ...news, isShown: told.startsWith("asked-") });
    if (this.#isGathering || !this.#terms.staysAlive) return;
    this.#isGathering = true;
    this.#gather(late ? startMs : gatherMs)
      .catch(this.#terms.failed)
      .finally(() => {
        this.#isGathering = false;
      });
  }

  /** Waits until no more news come, and then until the agent has nothing else to do. */
  async #gather(waitMs: number): Promise<void> {
    const { clock, signal, notify } = this.#terms;
    const until = clock.now() + gatherMaxMs;
    await clock.sleep(waitMs, signal);
    for (let size = 1; size < this.#pending.size && clock.now() < until; ) {
      size = this.#pending.size;
      await clock.sleep(Math.min(moreMs, until - clock.now()), signal);
    }
    while (this.#pending.size > 0 && !signal.aborted) {
      const wanted = await notify();
      if (this.#tell(wanted)) return;
      await clock.sleep(lookMs, signal);
    }
  }

  /** Sends all that is pending as one message; false while the agent is at work. */
  #tell(notify: Settings["notify"]): boolean {
    let isDone = false;
    this.#terms.touch((ctx, pi) => {
      const now = this.#terms.clock.now();
      if (!ctx.isIdle() || now < this.#notBefore) return this.#show(notify);
      isDone = true;
      const news = this.#take(notify);
      if (news.length === 0) return;
      const message = noticeMessage(news, now);
      // Should a prompt have come in between, it is told after that.
      if (news.some((one) => this.#how(one, notify) === "wake"))
        pi.sendMessage(message, { triggerTurn: true, deliverAs: "followUp" });
      else pi.sendMessage(message);
    });
    return isDone;
  }

  /** The agent is not kept from its work for what does not wake it; a person can read meanwhile. */
  #show(notify: Settings["notify"]): void {
    for (const news of this.#pending.values()) {
      if (news.isShown || this.#how(news, notify) !== "quiet") continue;
      news.isShown = true;
      const level = news.view.status === "failed" ? "error" : "info";
      this.#terms.say(newsText(news, this.#terms.clock.now()), level);
    }
  }

  /** All that is pending and still true, as it is now; from here on it counts as told. */
  #take(notify: Settings["notify"]): readonly News[] {
    const news: News[] = [];
    for (const pending of this.#pending.values()) {
      const view = this.#terms.viewOf(pending.view.runId) ?? pending.view;
      if (!this.#isTrue(view, pending.told)) continue;
      if (this.#how(pending, notify) === "none") this.learnt(view.runId, pending.told);
      else {
        this.#note(view.runId, pending.told);
        news.push({ ...pending, view });
      }
    }
    this.#pending.clear();
    return news;
  }

  #isTrue(view: RunView, told: Told): boolean {
    if (told === "over") return true;
    if (told === "blocked") return view.status === "blocked";
    if (told.startsWith("recovered-")) return !isFinalRun(view.status);
    return view.questions.some(({ id }) => told === `asked-${id}`);
  }

  #how(news: News, notify: Settings["notify"]): Telling {
    const { view, told } = news;
    const wanted = wantedFor(news, notify);
    // What a person started, or did, is theirs to react to.
    const isTheirs = !view.background || this.#shown.has(keyOf(view.runId, told));
    return wanted === "wake" && isTheirs ? "quiet" : wanted;
  }
}

/** What the person wants for news of this kind. */
function wantedFor({ view, told }: News, notify: Settings["notify"]): Telling {
  if (told.startsWith("asked-")) return notify.question;
  if (told.startsWith("recovered-")) return notify.recovered;
  return told === "over" && view.status === "completed" ? notify.completed : notify.failed;
}

function keyOf(runId: string, told: Told): string {
  return `${runId}/${told}`;
}

/** How a run of this status rests, if it does. */
export function restOf(status: string): Rest | undefined {
  if (status === "blocked") return "blocked";
  return isFinalRun(status) ? "over" : undefined;
}
