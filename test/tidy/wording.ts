import ts from "typescript";

/** Where people's words stand; every other file of these rooms takes them from there, but the report, a document. */
const wordFile = "src/ui/strings.ts";
/** What is not for people, or for the model too, by the function or constant that holds it. */
const exempt: Readonly<Record<string, readonly string[]>> = {
  "src/host/dialog.ts": ["letterLine"],
  "src/host/interruption.ts": ["interrupted"],
  "src/host/notice.ts": ["newsText", "groupText", "recoveryText", "noticeText"],
  "src/host/tool.ts": ["execute"],
  "src/ui/transcript.ts": ["gaps"],
  "src/ui/report/report.ts": ["policy"],
  "src/ui/report/style.ts": ["css"],
};
/** Stands for a value that is filled in. */
const value = "§";
/** Two words side by side, a word beside a value, or a capitalised one that begins the text. */
const prose = /[A-Za-z]{2,}[,:;.]? [a-z]{2,}|\b[a-z]{2,} §|§,? [a-z]{2,}|^[A-Z][a-z]+/;

/** English that stands in a file that draws or speaks; nothing for files of other rooms. */
export function wordsIn(path: string, source: ts.SourceFile): readonly { node: ts.Node; text: string }[] {
  if (!/^src\/(host|ui)\//.test(path) || path === wordFile) return [];
  const found: { node: ts.Node; text: string }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isTypeNode(node) || isExempt(node, path)) return;
    const text = isName(node) ? undefined : textOf(node);
    if (text !== undefined && prose.test(text)) found.push({ node, text });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isExempt(node: ts.Node, path: string): boolean {
  // What is thrown names the thing and the remedy for whoever reads the error.
  if (ts.isThrowStatement(node)) return true;
  const isNamed =
    ts.isFunctionDeclaration(node) || ts.isVariableDeclaration(node) || ts.isMethodDeclaration(node);
  return isNamed && (exempt[path] ?? []).includes(node.name?.getText() ?? "");
}

/** A member's name, or what a value is compared with: a word of ours, not of a language. */
function isName({ parent }: ts.Node): boolean {
  if (parent === undefined || ts.isElementAccessExpression(parent) || ts.isCaseClause(parent)) return true;
  if (ts.isBinaryExpression(parent)) return /^[!=]==$/.test(parent.operatorToken.getText());
  return false;
}

/** What a literal shows: of markup the content and the labels; nothing of a command line. */
function textOf(node: ts.Node): string | undefined {
  const { parent } = node;
  const isKey = parent !== undefined && ts.isPropertyAssignment(parent) && parent.name === node;
  let text: string;
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) text = node.text;
  else if (ts.isTemplateExpression(node))
    text = node.head.text + node.templateSpans.map(({ literal }) => value + literal.text).join("");
  else return undefined;
  if (text.startsWith("--") || (isKey && !/^[A-Z]/.test(text))) return undefined;
  const labels = [...text.matchAll(/(?:aria-label|title)="([^"]*)"/g)].map(([, label]) => label);
  return [text.replace(/<[^>]*>/g, "\n").trim(), ...labels].join("\n");
}
