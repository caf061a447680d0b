import { realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ToolExecutionComponent } from "@mariozechner/pi-coding-agent";
import { membersOf } from "../lib/json.ts";
import type { Theme } from "../ui/theme.ts";
import { type ToolLook, titleLines } from "../ui/tool-block.ts";
import { drawLine } from "../ui/width.ts";

/** Where both hosts (0.73.1, 1.5.2) start; what lies beside the script of an embedder is its own, and would begin to run. */
const hostScript = /[\\/]@(mariozechner|earendil-works)[\\/]pi-coding-agent[\\/]dist[\\/]/;

/**
 * How the running host, whose script is `process.argv[1]`, draws what tools do: with its own component, out of its own
 * module, which is loaded already. A tool that it does not bring along has our title. Undefined: it does not lend it.
 */
export async function toolLookOf(script = "", cwd: string): Promise<ToolLook | undefined> {
  const file = await realpath(script).catch(() => script);
  if (!hostScript.test(file)) return undefined;
  const library = pathToFileURL(join(dirname(file), "index.js")).href;
  const host = membersOf(await import(library).catch(() => undefined));
  const { ToolExecutionComponent: make } = host;
  if (typeof make !== "function") return undefined;
  const tui = { requestRender: () => undefined };
  const factories = new Map(Object.entries(host).map(([name, made]) => [name.toLowerCase(), made]));
  return ([call, result], columns) => {
    const { tool = "", given } = call;
    const title = (_: unknown, theme: Theme) => ({
      render: (width: number) => titleLines(call, width).map((line) => drawLine(line, width, theme)),
      invalidate: () => undefined,
    });
    try {
      const define = factories.get(`create${tool}tooldefinition`);
      const rest = [typeof define === "function" ? define(cwd) : { renderCall: title }, tui, cwd];
      const drawn: ToolExecutionComponent = Reflect.construct(make, [tool, tool, given, {}, ...rest]);
      // What is too long was left out. And never setArgsComplete: an edit would read its file.
      drawn.setExpanded(true);
      if (result !== undefined) {
        const { text, diff, isError = false } = result;
        drawn.updateResult({ content: [{ type: "text", text }], details: { diff }, isError }, false);
      }
      const lines: unknown[] = drawn.render(columns);
      return lines.length > 0 ? lines.map(String) : undefined;
    } catch {
      // Another version may want to be asked otherwise: then the look is ours.
      return undefined;
    }
  };
}
