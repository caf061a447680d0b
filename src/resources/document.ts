import { isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";
import type { Found } from "./definition.ts";

/** One `key: value` of a file. Lines count from 1. */
export interface Field {
  readonly key: string;
  readonly value: unknown;
  readonly line: number;
}

/** A Markdown file taken apart. */
export interface Document {
  readonly fields: readonly Field[];
  /** Lines after the front matter, ends normalised. */
  readonly body: readonly string[];
  /** Line of `body[0]` in the file. */
  readonly bodyLine: number;
}

/** Problems of one YAML text that are worth telling. */
const yamlProblemsMax = 5;

/**
 * Front matter and body. A byte order mark and CRLF are accepted. Yields nothing, and says why in `found`, when there
 * is no readable front matter. Nothing in the file is executed; YAML tags and aliases are refused.
 */
export function readDocument(file: string, text: string, found: Found[]): Document | undefined {
  const lines = text
    .replace(/^\uFEFF/, "")
    .replace(/\r\n?/g, "\n")
    .split("\n");
  const fatal = (line: number, message: string, remedy: string): undefined => {
    found.push({ where: `${file}:${line}`, message, remedy, fatal: true });
  };
  const nul = lines.findIndex((line) => line.includes("\0"));
  if (nul >= 0) return fatal(nul + 1, "the file holds a NUL byte", "save it as plain UTF-8 text");
  if (lines.every((line) => line.trim() === "")) {
    return fatal(1, "the file is empty", "write front matter between two --- lines, then the text");
  }
  if (lines[0]?.trimEnd() !== "---") {
    return fatal(1, "the file does not begin with front matter", "make --- its first line, then name: …");
  }
  const end = lines.findIndex((line, index) => index > 0 && line.trimEnd() === "---");
  if (end < 0) return fatal(1, "the front matter has no end", "close it with a line that is just ---");
  const fields = readMapping(file, lines.slice(1, end).join("\n"), 2, found);
  return fields && { fields, body: lines.slice(end + 1), bodyLine: end + 2 };
}

/** The top-level pairs of a YAML mapping whose first line is `firstLine` of the file. */
function readMapping(file: string, text: string, firstLine: number, found: Found[]): Field[] | undefined {
  const counter = new LineCounter();
  const lineAt = (offset: number | undefined): number =>
    firstLine - 1 + (counter.linePos(offset ?? 0).line || 1);
  const document = parseDocument(text, {
    lineCounter: counter,
    stringKeys: true,
    prettyErrors: false,
    logLevel: "silent",
  });
  const wrong = [...document.errors, ...document.warnings];
  for (const error of wrong.slice(0, yamlProblemsMax)) {
    const remedy =
      error.code === "BLOCK_AS_IMPLICIT_KEY"
        ? 'put the value in quotes: it holds a colon ("key: \\"a: b\\"")'
        : "write plain YAML: key: value, indented with spaces";
    found.push({
      where: `${file}:${lineAt(error.pos[0])}`,
      message: `bad YAML: ${error.message}`,
      remedy,
      fatal: true,
    });
  }
  if (wrong.length > 0) return undefined;
  const root = document.contents;
  if (root === null) return [];
  if (!isMap(root)) {
    const message = "the front matter is not a list of key: value lines";
    found.push({
      where: `${file}:${firstLine}`,
      message,
      remedy: "write name: …, description: …",
      fatal: true,
    });
    return undefined;
  }
  const fields: Field[] = [];
  for (const { key, value } of root.items) {
    if (!isScalar(key)) continue;
    const line = lineAt(key.range?.[0]);
    try {
      const plain: unknown = isNode(value) ? value.toJS(document, { maxAliasCount: 0 }) : null;
      fields.push({ key: String(key.value), value: plain, line });
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
      const message = `"${String(key.value)}" holds a YAML alias (*name), which is not accepted`;
      found.push({
        where: `${file}:${line}`,
        message,
        remedy: "write the value out, in quotes",
        fatal: true,
      });
    }
  }
  return fields;
}

/** Lines of the members of a JSON text, by dotted path; 1 for what cannot be found. */
export function jsonLines(text: string): (path: readonly string[]) => number {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false, logLevel: "silent" });
  return (path) => {
    let at: unknown = document.contents;
    let line = 1;
    for (const name of path) {
      const pair = isMap(at) ? at.items.find(({ key }) => isScalar(key) && key.value === name) : undefined;
      if (!pair || !isScalar(pair.key)) return line;
      line = counter.linePos(pair.key.range?.[0] ?? 0).line || 1;
      at = pair.value;
    }
    return line;
  };
}
