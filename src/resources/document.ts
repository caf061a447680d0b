import { isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";
import type { Findings } from "./findings.ts";

/** One `key: value` of a file, with its place (`file:line`, from 1). */
export interface Field {
  readonly key: string;
  readonly value: unknown;
  readonly where: string;
}

/** A line of text, without its end, and its place. */
export interface Line {
  readonly text: string;
  readonly where: string;
}

/** A Markdown file taken apart: front matter, and the lines that follow it. */
export interface Document {
  readonly fields: readonly Field[];
  readonly body: readonly Line[];
}

/** Problems of one YAML text that are worth telling. */
const yamlProblemsMax = 5;

/**
 * Front matter and body. A byte order mark and CRLF are accepted. Yields nothing, and says why in `found`, when there
 * is no readable front matter. Nothing in the file is executed; YAML tags and aliases are refused.
 */
export function readDocument(file: string, text: string, found: Findings): Document | undefined {
  const lines = text
    .replace(/^\uFEFF/, "")
    .replace(/\r\n?/g, "\n")
    .split("\n");
  const nul = lines.findIndex((line) => line.includes("\0"));
  if (nul >= 0)
    return found.error(`${file}:${nul + 1}`, "the file holds a NUL byte", "save it as plain UTF-8 text");
  if (lines[0]?.trimEnd() !== "---") {
    const remedy = "make --- its first line, then name: …, description: …";
    return found.error(`${file}:1`, "the file does not begin with front matter", remedy);
  }
  const end = lines.findIndex((line, index) => index > 0 && line.trimEnd() === "---");
  if (end < 0)
    return found.error(`${file}:1`, "the front matter has no end", "close it with a line that is just ---");
  // The empty first line stands for the ---, so that YAML counts lines as the file does.
  const fields = readMapping(file, `\n${lines.slice(1, end).join("\n")}`, found);
  const body = lines.map((line, index) => ({ text: line, where: `${file}:${index + 1}` })).slice(end + 1);
  return fields && { fields, body };
}

/** The top-level pairs of a YAML mapping. */
function readMapping(file: string, text: string, found: Findings): readonly Field[] | undefined {
  const lineCounter = new LineCounter();
  const whereOf = (offset = 0): string => `${file}:${lineCounter.linePos(offset).line || 2}`;
  const options = { lineCounter, stringKeys: true, prettyErrors: false, logLevel: "silent" } as const;
  const document = parseDocument(text, options);
  const wrong = [...document.errors, ...document.warnings];
  for (const { pos, message } of wrong.slice(0, yamlProblemsMax)) {
    const remedy = "write plain key: value lines; quote a value that holds a colon or other signs of YAML";
    found.error(whereOf(pos[0]), `bad YAML: ${message}`, remedy);
  }
  if (wrong.length > 0) return undefined;
  const root = document.contents;
  if (root === null) return [];
  if (!isMap(root)) {
    const message = "the front matter is not a list of key: value lines";
    return found.error(`${file}:2`, message, "write name: …, description: …");
  }
  return root.items.flatMap(({ key, value }) => {
    if (!isScalar(key)) return [];
    const name = String(key.value);
    const where = whereOf(key.range?.[0]);
    try {
      const plain: unknown = isNode(value) ? value.toJS(document, { maxAliasCount: 0 }) : null;
      return [{ key: name, value: plain, where }];
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
      found.error(
        where,
        `"${name}" holds a YAML alias (*name), which is not accepted`,
        "write the value out",
      );
      return [];
    }
  });
}

/** Lines of the values of a JSON text, by path; 1 for what cannot be found. */
export function jsonLines(text: string): (path: readonly string[]) => number {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, logLevel: "silent" });
  return (path) => {
    const node = document.getIn(path, true);
    return (isNode(node) && lineCounter.linePos(node.range?.[0] ?? 0).line) || 1;
  };
}
