import { words } from "./strings.ts";
import type { Color } from "./theme.ts";
import type { Pair, TranscriptEntry } from "./transcript.ts";
import { drawnSpan, type Line, plain, type Span, wrapSpan } from "./width.ts";

/** How the host draws a call, and its result once it is there; of its lines text and colours are kept. Undefined: the look is ours. */
export type ToolLook = (pair: Pair, columns: number) => readonly string[] | undefined;

/** Lines of a text that are shown, by tool where the host (0.73.1, 1.5.2) folds it otherwise than most; of all that is drawn. */
const textLinesMax = new Map(
  Object.entries({ bash: 5, powershell: 5, grep: 15, find: 20, ls: 20, edit: 40 }),
);
const linesMax = { text: 10, drawn: 1_000 };
const lineUnitsMax = 1_000;

/** A call with its result, a call alone, or a result whose call was not read: of either the lines that the host shows at first. */
export function blockLines([entry, answer]: Pair, columns: number, look?: ToolLook): readonly Line[] {
  const { tool = "", given = {}, kind } = entry;
  const told = kind === "result" ? entry : answer;
  const { left, pending, before } = words.transcript;
  const notes: string[] = kind === "result" ? [before] : told === undefined ? [pending] : [];
  const part = (text: string, most: number = linesMax.text, isTail = false): string => {
    const all = text.trimEnd().split("\n");
    if (all.length > most) notes.push(left(all.length - most, isTail));
    return (isTail ? all.slice(-most) : all.slice(0, most)).map(harmless).join("\n");
  };
  const members = Object.entries(given).map(([name, value]) => {
    if (typeof value === "number" || typeof value === "boolean") return [harmless(name), value];
    return [harmless(name), part(typeof value === "string" ? value : JSON.stringify(value))];
  });
  const call = { kind: "call", text: "", tool: harmless(tool), given: Object.fromEntries(members) } as const;
  const most = textLinesMax.get(tool);
  const isError = told?.isError === true;
  const diff = told?.diff !== undefined && !isError && { diff: part(told.diff, most) };
  const text = told === undefined || diff ? "" : part(told.text, most, titles.get(tool)?.startsWith("$"));
  const shown: Pair = told === undefined ? [call] : [call, { kind: "result", text, isError, ...diff }];
  const room = columns - 2;
  const drawn = room < 1 ? undefined : look?.(shown, room)?.slice(0, linesMax.drawn);
  const lines = drawn?.map((line): Line => [drawnSpan(line, room)]) ?? ownLines(shown, room);
  const title = lines.findIndex(([span]) => span?.[1].trim());
  const mark: Span = told === undefined ? ["accent", "●"] : isError ? ["error", "✗"] : ["success", "✓"];
  return [
    ...lines.map((line, at): Line => [at === title ? mark : ["dim", " "], ...line]),
    ...notes.map((note): Line => [["dim", `  ${note}`]]),
  ];
}

function ownLines([call, result]: Pair, columns: number): Line[] {
  const { text = "", diff, isError } = result ?? {};
  const said = call.tool === "write" && !isError ? `${call.given?.content ?? ""}` : text;
  const color = isError ? "error" : "toolOutput";
  return [
    ...titleLines(call, columns),
    ...(diff?.split("\n").flatMap((line) => diffLine(line, columns)) ?? []),
    ...(said === "" || diff ? [] : wrapSpan([color, said], columns, linesMax.drawn)),
  ];
}

/** How the host (0.73.1, 1.5.2) says what a call asks for. */
const titles = new Map(
  Object.entries({
    ...{ bash: "$ <command>", powershell: "$ <command>", read: "read <path><range>", edit: "edit <path>" },
    ...{
      write: "write <path>",
      ls: "ls <in>",
      grep: "grep /<pattern>/ in <in>",
      find: "find <pattern> in <in>",
    },
  }),
);

/** What a call asks for: `$ command`, `read path:3-22`, `grep /x/ in path`; of tools that are not the host's `name key=value`. */
export function titleLines({ tool = "", given = {} }: TranscriptEntry, columns: number): Line[] {
  const { offset = 1, limit, path = given.file_path } = given;
  const to = limit === undefined ? "" : `-${Number(offset) + Number(limit) - 1}`;
  const range = given.offset === undefined && limit === undefined ? "" : `:${offset}${to}`;
  const known: Readonly<Record<string, unknown>> = { ...given, path, in: path || ".", range };
  const title = titles.get(tool)?.replace(/<(\w+)>/g, (_, name) => `${known[name] ?? "..."}`);
  const members = Object.entries(given).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  const text = title ?? tool + members.join("").slice(0, lineUnitsMax);
  const [name = ""] = text.split(" ", 1);
  const told: Span = ["accent", text.slice(name.length + 1)];
  const [[first] = [], ...rest] = wrapSpan(told, columns - name.length - 1, linesMax.text);
  return [[["toolTitle", name], ...(first === undefined ? [] : [first])], ...rest];
}

/** A line of a diff; what does not fit goes on below its text, where there is room beside the numbers. */
export function diffLine(line: string, columns: number): readonly Line[] {
  const color = signs[line.charAt(0)] ?? "toolOutput";
  const [, gutter = "", text = ""] = /^([+\- ] *\d+) ?(.*)$/s.exec(line) ?? ["", "", line];
  const room = columns - gutter.length - 1;
  if (gutter === "" || room < gutter.length) return wrapSpan([color, line], columns, linesMax.drawn);
  return wrapSpan([color, text], room, linesMax.drawn).map((part, at) => [
    [color, at === 0 ? gutter : " ".repeat(gutter.length)],
    ...part,
  ]);
}

const signs: Readonly<Record<string, Color>> = { "+": "success", "-": "error" };

function harmless(line: string): string {
  const start = line.length > lineUnitsMax ? `${line.slice(0, lineUnitsMax)}…` : line;
  return plain(start.replaceAll("\t", "   "));
}
