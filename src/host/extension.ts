import type { ExtensionAPI, ExtensionContext } from "@mariozechner/pi-coding-agent";
import { words } from "../ui/strings.ts";
import { registerCommands } from "./commands.ts";
import { noticeType } from "./ledger.ts";
import { messageRenderer, replyType } from "./notice.ts";
import type { HostParts } from "./parts.ts";
import { LiveSession } from "./session.ts";
import { registerTool, toolName } from "./tool.ts";

/**
 * The Pi adapter. The factory only registers: no timer, process, file or socket before a session starts, and none after it
 * unless the session has runs.
 */
export function createExtension(parts: HostParts): (pi: ExtensionAPI) => void {
  return (pi) => {
    let live: LiveSession | undefined;
    const sessionOf = (ctx: ExtensionContext): LiveSession => {
      const id = ctx.sessionManager.getSessionId();
      if (live !== undefined && !live.isOver && live.id === id) live.renew(ctx);
      else {
        live?.close("replaced");
        live = new LiveSession(pi, ctx, parts);
      }
      return live;
    };

    const isAscii = (): boolean => live?.look.isAscii ?? false;
    registerTool(pi, parts, sessionOf, isAscii);
    registerCommands(pi, parts, { of: sessionOf, newest: () => live });
    for (const type of [noticeType, replyType]) pi.registerMessageRenderer(type, messageRenderer(isAscii));

    let greeted: LiveSession | undefined;
    pi.on("session_start", (_, ctx) => {
      const session = sessionOf(ctx);
      // After an rpc new_session the host starts the same session twice.
      if (session === greeted) return;
      greeted = session;
      sayClash(pi, session, parts);
      return session.catchUp();
    });
    pi.on("agent_start", () => {
      if (live !== undefined) live.prompts += 1;
    });
    pi.on("agent_end", ({ messages }) => live?.turnEnded(messages));
    pi.on("session_shutdown", ({ reason }) => live?.close(reason));
  };
}

/** The first extension that registers a name owns it: the model then calls another tool than ours. */
function sayClash(pi: ExtensionAPI, session: LiveSession, parts: HostParts): void {
  const registered = pi.getAllTools().find((tool) => tool.name === toolName);
  if (registered === undefined || registered.description === parts.tool.description) return;
  session.clash = registered.sourceInfo?.path ?? words.said.anotherExtension;
  session.say(words.said.clash(toolName, session.clash), "warning");
}
