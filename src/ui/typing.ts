const textMax = 4_000;

/**
 * A line of text after a key: letters, pastes and what deletes; the arrows go through the proposals. Nothing for a key
 * that means nothing there.
 */
export function edited(text: string, key: string, proposals: readonly string[]): string | undefined {
  const after = (): string | undefined => {
    if (key === "backspace") return [...text].slice(0, -1).join("");
    if (key === "ctrl+u") return "";
    if (key === "ctrl+w") return text.replace(/\S*\s*$/, "");
    if (key === "up" || key === "down" || key === "tab") {
      const { length } = proposals;
      if (length === 0) return undefined;
      const at = proposals.indexOf(text);
      return proposals[(at + (key === "up" ? length - (at < 0 ? 0 : 1) : 1)) % length];
    }
    if (key.startsWith("paste:")) return text + key.slice(6).replace(/[\r\n]+/g, " ");
    return isText(key) ? text + key : undefined;
  };
  return after()?.slice(0, textMax);
}

/** Names of keys are words; what is one character, or no ASCII, was typed. */
function isText(key: string): boolean {
  return [...key].length === 1 || [...key].every((character) => character > "\x7f");
}
