import ts from "typescript";

/** Names of all settings, groups left out: the leaves of the interfaces in core/settings.ts. */
export function settingNames(text: string): readonly string[] {
  const source = ts.createSourceFile("settings.ts", text, ts.ScriptTarget.Latest, true);
  const interfaces = source.statements.filter(ts.isInterfaceDeclaration);
  const groups = new Set(interfaces.map((one) => one.name.text));
  return interfaces.flatMap((one) =>
    one.members
      .filter(ts.isPropertySignature)
      .filter((member) => !groups.has(member.type?.getText(source) ?? ""))
      .map((member) => member.name.getText(source)),
  );
}

const owner = /(settings|limits|retries|retention|recovery|notify|widget|rules|\bui)$/i;

/**
 * True when the code reads this setting, by a dot or by destructuring. A name of one word is common: it counts only
 * when it is taken from something that is called like its group.
 */
export function reads(text: string, name: string): boolean {
  const source = ts.createSourceFile("reader.ts", text, ts.ScriptTarget.Latest, true);
  const isOwn = (from: ts.Node | undefined): boolean =>
    /[A-Z]/.test(name) || (from !== undefined && owner.test(from.getText(source)));
  let found = false;
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node) && node.name.text === name) found ||= isOwn(node.expression);
    if (ts.isBindingElement(node) && (node.propertyName ?? node.name).getText(source) === name) {
      const declaration = node.parent.parent;
      found ||= isOwn(ts.isVariableDeclaration(declaration) ? declaration.initializer : undefined);
    }
    if (!found) ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
