/** A record of session.jsonl, as the host (0.73.1, 1.5.2) spells it. */
export function called(id: string, name: string, given: object): object {
  const content = [{ type: "toolCall", id, name, arguments: given }];
  return { type: "message_end", message: { role: "assistant", content } };
}

/** What came of it. */
export function resulted(toolCallId: string, toolName: string, more: object = {}): object {
  const content = [{ type: "text", text: "as asked" }];
  return {
    type: "message_end",
    message: { role: "toolResult", toolCallId, toolName, content, isError: false, ...more },
  };
}

/** The records of a worker that edited a file twice, wrote another, failed once, was refused once and ran two commands. */
export function worked(words = "割引 👍"): readonly string[] {
  const path = "/shop/src/cart.js";
  const [first, second] = [
    `  7 export function total(items) {\n- 8 \treturn 0;\n+ 8 \treturn sum(items); // ${words}\n  9 }\n    ...`,
    "     ...\n 118 \n-119 // later\n-120 // or never\n+119 export default total;",
  ];
  const content = `# Notes\n\n\tWhat ${words} takes off, and from which price it is taken off before tax is added to it.\n`;
  const records = [
    ...[called("1", "edit", { path, edits: [] }), resulted("1", "edit", { details: { diff: first } })],
    ...[called("2", "bash", { command: "npm test" }), resulted("2", "bash", { isError: true })],
    ...[called("3", "write", { path: "docs/notes.md", content }), resulted("3", "write")],
    ...[called("4", "edit", { path: "gone.js" }), resulted("4", "edit", { isError: true })],
    ...[called("5", "edit", { path: "./src/cart.js" }), resulted("5", "edit", { details: { diff: second } })],
    ...[called("6", "bash", { command: "rm -rf /" }), { type: "tool_refused", tool: "bash", reason: words }],
    ...[resulted("6", "bash", { isError: true }), called("7", "bash", { command: "sed -i s/a/b/ x" })],
    ...[called("8", "write", { path: "half", content: "it was still at it" })],
  ];
  return records.map((record) => JSON.stringify(record));
}
