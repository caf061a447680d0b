import type { ExtensionAPI, ExtensionContext } from "@mariozechner/pi-coding-agent";
import type { ActionResult } from "../actions/context.ts";
import { screens } from "../actions/screens.ts";
import { revisionOf } from "../core/letters.ts";
import { words } from "../ui/strings.ts";
import type { Opening } from "./dashboard.ts";
import { asTyped } from "./desk.ts";
import { answerKey, mailbox, meantBy, respondInDialog } from "./dialog.ts";
import { staysAlive } from "./mode.ts";
import { replyType } from "./notice.ts";
import type { HostParts } from "./parts.ts";
import { isOwning, type LiveSession } from "./session.ts";

/** A command answers within a second: this long it may keep the person, ms. */
const patienceMs = 800;
/** Bound to nothing in either host. */
const dashboardKey = "alt+t";
/** Answers up to this size are a line on the screen; longer ones become a message that can be folded. */
const lineMaxCharacters = 400;
const lineMaxLines = 4;
/** Longest text in a notification: while the agent works, and for errors. */
const notifyMaxCharacters = 6_000;

/** Sessions as commands need them: the one of a context, and the newest one for completion, which gets no context. */
export interface Sessions {
  of(ctx: ExtensionContext): LiveSession;
  newest(): LiveSession | undefined;
}

/** Registers `/team-<action>` for every action, and `/team [<action> …]`. No handler ever throws. */
export function registerCommands(pi: ExtensionAPI, parts: HostParts, sessions: Sessions): void {
  const actions = parts.actions.map((action) => ({ ...action, like: action.name }));
  for (const { name, summary, like } of [...actions, ...screens]) {
    pi.registerCommand(`team-${name}`, {
      description: summary,
      getArgumentCompletions: (prefix) => completions(like, prefix, sessions.newest()),
      handler: (line, ctx) => act(name, line, sessions.of(ctx), parts),
    });
  }
  pi.registerShortcut(answerKey, {
    description: words.commands.answer,
    handler: (ctx) => void sessions.of(ctx).open((desk) => respondInDialog(desk, {})),
  });
  pi.registerShortcut(dashboardKey, {
    description: words.commands.look,
    handler: (ctx) => look(sessions.of(ctx), parts, { line: "", screen: "dashboard" }),
  });
  const names = [...parts.actions, ...screens].map((action) => action.name);
  pi.registerCommand("team", {
    description: words.commands.any,
    getArgumentCompletions: (prefix) => {
      const [, name = "", rest] = /^\s*(\S*)(?:\s(.*))?$/s.exec(prefix) ?? [];
      if (rest !== undefined) return completions(name, rest, sessions.newest(), `${name} `);
      return [...parts.actions, ...screens]
        .filter((action) => action.name.startsWith(name))
        .map((action) => ({ value: action.name, label: action.name, description: action.summary }));
    },
    handler: async (line, ctx) => {
      const [, name = "", rest = ""] = /^\s*(\S*)\s*(.*)$/s.exec(line) ?? [];
      const session = sessions.of(ctx);
      if (name === "") return look(session, parts, { line: "", screen: "dashboard" });
      if (names.includes(name)) return act(name, rest, session, parts);
      session.say(words.commands.unknown(name, names.join(", "), line.trim()), "error");
    },
  });
}

/** Does what a command says, or opens what it is for. The dialog is not waited for: the host has a prompt to take. */
async function act(name: string, line: string, session: LiveSession, parts: HostParts): Promise<void> {
  if (name === "dashboard" || name === "board" || name === "transcript")
    return look(session, parts, { line, screen: name });
  if (name === "settings" || name === "resources") return browse(name, line, session, parts);
  const isScreen = screens.some((screen) => screen.name === name);
  const meant = isScreen || name === "respond" ? meantBy(line, isScreen) : undefined;
  if (!staysAlive(session.mode) && isScreen) session.say(words.commands.needsPerson(name), "error");
  else if (!staysAlive(session.mode) || (!isScreen && meant === undefined))
    return answer(name, line, session, parts);
  else if (meant === undefined) session.say(words.commands.takesRun(name), "error");
  else void session.open((desk) => (isScreen ? mailbox(desk, meant) : respondInDialog(desk, meant)));
}

/** Opens the dashboard; where there is no screen, the status is the answer, and for the board the list. */
async function look(session: LiveSession, parts: HostParts, opening: Opening): Promise<void> {
  if (session.mode !== "tui")
    return opening.screen === "board"
      ? answer("list", "", session, parts)
      : answer("status", opening.line, session, parts);
  try {
    // Loaded when somebody looks: a host's start pays nothing for it.
    const { openDashboard } = await import("./dashboard.ts");
    await openDashboard(session, parts, opening, (name, line) => act(name, line, session, parts));
  } catch (error) {
    session.report(error);
  }
}

/** Opens the settings or the definitions; where there is no screen, a list of them is the answer. */
async function browse(
  name: "settings" | "resources",
  line: string,
  session: LiveSession,
  parts: HostParts,
): Promise<void> {
  if (session.mode !== "tui")
    return name === "settings"
      ? answer("config", "", session, parts)
      : answer("list", "--resource agent", session, parts);
  try {
    const { openBrowser } = await import("./browser.ts");
    await openBrowser(session, name, line.trim());
  } catch (error) {
    session.report(error);
  }
}

async function answer(name: string, line: string, session: LiveSession, parts: HostParts): Promise<void> {
  const isPatient = !staysAlive(session.mode);
  const work = session
    .perform(name, { line }, { ...asTyped(name), returnsAtOnce: !isPatient })
    .then((result) => (leadsToPlan(name, result, session, parts) ? undefined : show(name, result, session)))
    .catch(session.report);
  if (isPatient) return work;
  const first = await Promise.race([work.then(() => "done"), parts.clock.sleep(patienceMs, session.signal)]);
  if (first !== "done") session.say(words.commands.atWork(name), "info");
}

/** A plan that a person asked for and has to approve is shown at once, where nothing is in the way; else it is said how to see it. */
function leadsToPlan(
  name: string,
  { details: { runId, questions } }: ActionResult,
  session: LiveSession,
  parts: HostParts,
): boolean {
  const isAsked = questions?.some((id) => revisionOf(id) !== undefined) === true && isOwning(name);
  if (!isAsked || runId === undefined || session.mode !== "tui") return false;
  session.say(words.preview.waits(runId), "info");
  const isFree = session.isFree();
  if (isFree) void look(session, parts, { line: runId, screen: "plan" });
  return isFree;
}

function show(name: string, { ok, text: whole, details }: ActionResult, session: LiveSession): void {
  const text = whole.trim();
  const isLine = text.length <= lineMaxCharacters && text.split("\n").length <= lineMaxLines;
  session.touch((ctx, pi) => {
    const isMessage = ok && !isLine && ctx.isIdle();
    if (isMessage || !ctx.hasUI)
      pi.sendMessage({ customType: replyType, content: `/team-${name}\n${text}`, display: true, details });
    if (!isMessage) session.say(text.slice(0, notifyMaxCharacters), ok ? "info" : "error");
  });
}

async function completions(name: string, typed: string, session: LiveSession | undefined, before = "") {
  if (session === undefined) return null;
  try {
    const { loaded, project } = await session.load();
    const { names, settingKeys, engine } = project;
    const found = await loaded.complete(name, typed, { runs: () => engine.list(), names, settingKeys });
    return found.length === 0 ? null : found.map((item) => ({ ...item, value: before + item.value }));
  } catch (error) {
    // Whoever types goes on without proposals, and sees why there are none.
    session.report(error);
    return null;
  }
}
