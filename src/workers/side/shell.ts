/** One simple command of a shell text, as far as it can be read without running it. */
export interface ShellCommand {
  /** Its words with quotes removed; a substitution inside a word stands as `$()`. */
  readonly words: string[];
  /** Targets of its output redirections; duplicated file descriptors are left out. */
  readonly writesTo: string[];
  readonly shell: Shell;
}

/** What runs a command, told apart from others by identity: a change of directory counts here and in what it opens. */
export interface Shell {
  readonly outer: Shell | undefined;
}

/** A command that is being read, inside the parenthesis or backtick that opened it. */
interface Reading extends ShellCommand {
  readonly opening: "" | "(" | "$(" | "`";
  /** Behind `((`, where `<<` opens no here-document. */
  readonly isArithmetic: boolean;
  isQuoted: boolean;
  word: string | undefined;
  /** The operator whose target the next word is. */
  redirect: string | undefined;
}

const plainToken =
  /\\\n|\\(?<escaped>[\s\S])|'(?<single>[^']*)'?|\$'(?<ansi>(?:[^'\\]|\\[\s\S])*)'?|\$?(?<quote>")|(?<![^\s;&|()])#.*|(?<redirect>&?>[>|&]?|<<<|<<-?|<&?)|(?<open>\$?\(|`)|(?<close>\))|(?<stop>[;&|\n])|(?<space>[ \t\r]+)|(?<literal>[\s\S])/y;
const quotedToken = /\\\n|\\(?<escaped>["\\$`])|(?<quote>")|(?<open>\$\(|`)|(?<literal>[\s\S])/y;

/**
 * Splits a POSIX shell text, run by `shell`, into its simple commands, those inside substitutions and subshells included,
 * in the order in which they begin to run. It reads and never expands: variables, aliases and generated text stay unseen; bodies of here-documents are data.
 */
export function shellCommands(text: string, shell: Shell = { outer: undefined }): readonly ShellCommand[] {
  const found: ShellCommand[] = [];
  const outer: Reading[] = [];
  const delimiters: string[] = [];
  let now = begin("", shell);
  const endCommand = (): void => {
    endWord(now, delimiters);
    const { words, writesTo, opening, shell: by } = now;
    if (words.length + writesTo.length > 0) found.push({ words, writesTo, shell: by });
    now = begin(opening, by, now.isArithmetic);
  };
  const close = (): void => {
    endCommand();
    now = outer.pop() ?? now;
  };
  const open = (opening: Reading["opening"], follows: string | undefined): void => {
    if (opening === "(") endCommand();
    else now.word = `${now.word ?? ""}$()`;
    outer.push(now);
    const isArithmetic = opening === "(" && (now.isArithmetic || follows === "(");
    now = begin(opening, { outer: now.shell }, isArithmetic);
  };
  for (let at = 0; at < text.length; ) {
    const token = now.isQuoted ? quotedToken : plainToken;
    token.lastIndex = at;
    const { groups = {} } = token.exec(text) ?? {};
    at = token.lastIndex;
    const ansi = groups.ansi?.replace(/\\([\s\S])/g, "$1");
    const literal = groups.escaped ?? groups.single ?? ansi ?? groups.literal ?? (groups.quote && "");
    if (literal !== undefined) now.word = (now.word ?? "") + literal;
    if (groups.quote) now.isQuoted = !now.isQuoted;
    if (groups.space) endWord(now, delimiters);
    if (groups.stop) endCommand();
    if (groups.stop === "\n") at = afterHereDocuments(text, at, delimiters.splice(0));
    if (groups.redirect && !(now.isArithmetic && groups.redirect.startsWith("<<"))) {
      if (/^\d+$/.test(now.word ?? "")) now.word = undefined;
      endWord(now, delimiters);
      now.redirect = groups.redirect;
    }
    if (groups.close || (groups.open === "`" && now.opening === "`")) close();
    else if (groups.open === "(" || groups.open === "$(" || groups.open === "`")
      open(groups.open, text[at - 2]);
  }
  while (outer.length > 0) close();
  endCommand();
  return found;
}

function begin(opening: Reading["opening"], shell: Shell, isArithmetic = false): Reading {
  const fresh = { isQuoted: false, word: undefined, redirect: undefined };
  return { words: [], writesTo: [], shell, opening, isArithmetic, ...fresh };
}

function endWord(now: Reading, delimiters: string[]): void {
  const { word, redirect } = now;
  if (word === undefined) return;
  if (redirect === undefined) now.words.push(word);
  else if (redirect === "<<" || redirect === "<<-") delimiters.push(word);
  // `>&2` and `>&-` name no file.
  else if (redirect.includes(">") && !/^(?:\d+|-)$/.test(word)) now.writesTo.push(word);
  now.word = undefined;
  now.redirect = undefined;
}

/** Where the text goes on behind the bodies of here-documents that begin at `from`. */
function afterHereDocuments(text: string, from: number, delimiters: readonly string[]): number {
  let at = from;
  for (const delimiter of delimiters) {
    for (let line: string | undefined; line !== delimiter && at < text.length; ) {
      const end = text.indexOf("\n", at);
      const stop = end < 0 ? text.length : end;
      line = text.slice(at, stop).trim();
      at = stop + 1;
    }
  }
  return at;
}
