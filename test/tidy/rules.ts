import ts from "typescript";
import { wordsIn } from "./wording.ts";

/** Where a file breaks a house rule. */
export interface Offence {
  readonly rule: Rule;
  readonly file: string;
  readonly line: number;
  readonly what: string;
}

/** What each rule forbids; the key is its name in reports. */
export const rules = {
  "file-length": "a file over 400 lines",
  "function-length": "a function over 70 lines",
  "empty-catch": "a catch that does nothing",
  any: "the type any, or a cast through unknown",
  "non-null": "an exclamation mark that promises what nobody checked",
  "file-name": "a name that says nothing, and barrels",
  "import-extension": "a relative import without its extension",
  "typebox-root": "a typebox module that the host's loader may replace",
  "module-state": "mutable state at module level",
  docstring: "an exported function without a docstring",
  "sync-fs": "synchronous file access",
  "one-effect-file": "an effect outside its one file in src/lib",
  "skipped-test": "a test that does not run",
  words: "words for people outside src/ui/strings.ts",
} as const;
export type Rule = keyof typeof rules;

const fileMaxLines = 400;
const functionMaxLines = 70;
const emptyNames =
  /^(utils?|common|types?|helpers?|misc|shared)\.|(^|-)(manager|handler|service|processor|utils?|helpers?)\./;

/** The offences that one file shows by itself; `path` is relative to the repository, with forward slashes. */
export function offencesIn(path: string, text: string): readonly Offence[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: Offence[] = [];
  const report = (rule: Rule, node: ts.Node | undefined, what: string): void => {
    const line =
      node === undefined ? 1 : source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
    found.push({ rule, file: path, line, what });
  };
  const name = path.split("/").at(-1) ?? path;
  const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  if (lines > fileMaxLines) report("file-length", undefined, `${lines} lines`);
  if (emptyNames.test(name) || (name === "index.ts" && path !== "index.ts"))
    report("file-name", undefined, name);
  const visit = (node: ts.Node): void => {
    reportSyntax(node, source, path, report);
    ts.forEachChild(node, visit);
  };
  visit(source);
  for (const { node, text } of wordsIn(path, source)) report("words", node, text.slice(0, 100));
  for (const statement of source.statements) reportTopLevel(statement, path, report);
  return found;
}

type Report = (rule: Rule, node: ts.Node | undefined, what: string) => void;

function reportSyntax(node: ts.Node, source: ts.SourceFile, path: string, report: Report): void {
  if (ts.isCatchClause(node) && node.block.statements.length === 0) report("empty-catch", node, "catch {}");
  if (ts.isCallExpression(node) && isSilentCatch(node))
    report("empty-catch", node, node.getText(source).slice(-40));
  if (node.kind === ts.SyntaxKind.AnyKeyword) report("any", node, "any");
  if (ts.isAsExpression(node) && ts.isAsExpression(node.expression)) report("any", node, "as … as …");
  if (ts.isNonNullExpression(node)) report("non-null", node, node.getText(source));
  if (ts.isFunctionLike(node) && "body" in node && !isSuite(node, source)) reportLength(node, source, report);
  const specifier = specifierOf(node);
  if (specifier !== undefined) {
    if (/^\.\.?(\/|$)/.test(specifier) && !/\.(ts|mjs|cjs|json)$/.test(specifier)) {
      report("import-extension", node, specifier);
    }
    if (/^(@sinclair\/)?typebox\//.test(specifier)) report("typebox-root", node, specifier);
  }
  if (path.startsWith("src/") && ts.isIdentifier(node) && /^[a-z]\w*Sync$/.test(node.text)) {
    report("sync-fs", node, node.text);
  }
  if (
    path.startsWith("test/") &&
    /^(describe|suite|it|test)\.(skip|todo|only)\b/.test(node.getText(source))
  ) {
    if (ts.isPropertyAccessExpression(node)) report("skipped-test", node, node.getText(source));
  }
}

/** `.catch(() => {})`: a rejection that nobody hears of. */
function isSilentCatch(node: ts.CallExpression): boolean {
  const [handler] = node.arguments;
  return (
    ts.isPropertyAccessExpression(node.expression) &&
    node.expression.name.text === "catch" &&
    handler !== undefined &&
    ts.isArrowFunction(handler) &&
    ts.isBlock(handler.body) &&
    handler.body.statements.length === 0
  );
}

/** The callback of `describe`, or a function that wraps one: a list of tests, which nobody has to hold in the head. */
function isSuite(node: ts.SignatureDeclaration, source: ts.SourceFile): boolean {
  if (ts.isFunctionDeclaration(node)) return /^describe[A-Z]/.test(node.name?.text ?? "");
  return (
    ts.isCallExpression(node.parent) && /^(describe|suite)\b/.test(node.parent.expression.getText(source))
  );
}

function reportLength(node: ts.SignatureDeclaration, source: ts.SourceFile, report: Report): void {
  const first = source.getLineAndCharacterOfPosition(node.getStart(source)).line;
  const lines = source.getLineAndCharacterOfPosition(node.end).line - first + 1;
  if (lines <= functionMaxLines) return;
  report("function-length", node, `${node.name?.getText(source) ?? "a function"}: ${lines} lines`);
}

function specifierOf(node: ts.Node): string | undefined {
  const named =
    ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
      ? node.moduleSpecifier
      : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
        ? node.arguments[0]
        : undefined;
  return named !== undefined && ts.isStringLiteral(named) ? named.text : undefined;
}

function reportTopLevel(statement: ts.Statement, path: string, report: Report): void {
  if (ts.isExportDeclaration(statement) && statement.exportClause === undefined) {
    report("file-name", statement, "export * from: a barrel");
  }
  if (ts.isFunctionDeclaration(statement) && isExported(statement) && !hasDocstring(statement)) {
    report("docstring", statement, statement.name?.text ?? "the default export");
  }
  if (!ts.isVariableStatement(statement)) return;
  const isConst = (statement.declarationList.flags & ts.NodeFlags.Const) !== 0;
  for (const declaration of statement.declarationList.declarations) {
    const name = declaration.name.getText();
    if (!isConst && path.startsWith("src/")) report("module-state", declaration, `let ${name}`);
    if (path.startsWith("src/") && startsEmpty(declaration))
      report("module-state", declaration, `${name} starts empty`);
    const isFunction = declaration.initializer !== undefined && ts.isFunctionLike(declaration.initializer);
    if (isFunction && isExported(statement) && !hasDocstring(statement))
      report("docstring", declaration, name);
  }
}

/** `const seen = new Map()`: nobody makes an empty collection but to fill it. */
function startsEmpty({ initializer }: ts.VariableDeclaration): boolean {
  if (initializer === undefined) return false;
  if (ts.isArrayLiteralExpression(initializer)) return initializer.elements.length === 0;
  if (ts.isObjectLiteralExpression(initializer)) return initializer.properties.length === 0;
  if (!ts.isNewExpression(initializer)) return false;
  return (
    /^(Weak)?(Map|Set)$/.test(initializer.expression.getText()) && (initializer.arguments ?? []).length === 0
  );
}

function isExported(node: ts.FunctionDeclaration | ts.VariableStatement): boolean {
  return node.modifiers?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword) ?? false;
}

function hasDocstring(node: ts.Node): boolean {
  return ts.getJSDocCommentsAndTags(node).length > 0;
}

/** Things of the machine that only one file, in src/lib, may touch; everybody else is given them. */
export const effects = {
  "the time of day": /\bDate\.now\b|\bnew Date\(\)/,
  timers: /\bset(Timeout|Interval|Immediate)\(/,
  randomness: /\bMath\.random\b/,
  environment: /\bprocess\.env\b/,
  "child processes": /from "(node:)?child_process"/,
} as const;

/** Every use of an effect in src besides the one file in src/lib that holds most of it; all of src/lib may start programs. */
export function effectsOutsideTheirFile(files: ReadonlyMap<string, string>): readonly Offence[] {
  return Object.entries(effects).flatMap(([effect, pattern]) => {
    const uses = [...files].flatMap(([file, text]) =>
      codeLines(text).flatMap((line, i) =>
        pattern.test(line) ? [{ file, line: i + 1, what: `${effect}: ${line.trim()}` }] : [],
      ),
    );
    const home = mostFrequent(uses.map((use) => use.file).filter((file) => file.startsWith("src/lib/")));
    return uses
      .filter(
        (use) => use.file !== home && !(effect === "child processes" && use.file.startsWith("src/lib/")),
      )
      .map((use) => ({ rule: "one-effect-file", ...use }) as const);
  });
}

/** The lines with comments blanked, so that a comment may name what code may not. */
function codeLines(text: string): readonly string[] {
  const blanked = text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "));
  return blanked.split("\n").map((line) => line.replace(/(^|\s)\/\/.*$/, ""));
}

function mostFrequent(names: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}
