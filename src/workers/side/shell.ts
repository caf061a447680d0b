/** One simple command of a shell text, as far as it can be read without running it. */
export interface ShellCommand {
  /** Its words with quotes removed; a substitution inside a word stands as `$()`. */
  readonly words: readonly string[];
  /** Targets of its output redirections; duplicated file descriptors are left out. */
  readonly writesTo: readonly string[];
}

const depthMax = 8;
const separators = new Set([";", "&", "|", "\n", "(", ")"]);

/**
 * Splits a POSIX shell text into its simple commands, those inside substitutions and subshells included. It reads and
 * never expands: variables, aliases and generated text stay unseen. Text nested deeper than 8 levels is left out.
 */
export function shellCommands(text: string): readonly ShellCommand[] {
  return new Reader(text, 0).read();
}

class Reader {
  readonly #text: string;
  readonly #depth: number;
  readonly #commands: ShellCommand[] = [];
  #at = 0;
  #word: string | undefined;
  #words: string[] = [];
  #writesTo: string[] = [];
  /** What the next word is, when it is no argument. */
  #expects: "argument" | "output" | "input" | "delimiter" = "argument";
  #delimiters: string[] = [];

  constructor(text: string, depth: number) {
    this.#text = text;
    this.#depth = depth;
  }

  read(): readonly ShellCommand[] {
    while (this.#at < this.#text.length) this.#step(this.#text.charAt(this.#at));
    this.#endCommand();
    return this.#commands;
  }

  #step(char: string): void {
    if (char === "'") this.#add(this.#until("'"));
    else if (char === '"') this.#doubleQuoted();
    else if (char === "\\") this.#escaped();
    else if (char === "`" || this.#peek("$(")) this.#substitution(char);
    else if (char === ">" || this.#peek("&>")) this.#output();
    else if (char === "<") this.#input();
    else if (separators.has(char)) this.#separator(char);
    else if (char === " " || char === "\t" || char === "\r") this.#skip(1, () => this.#endWord());
    else if (char === "#" && this.#word === undefined) this.#at = this.#lineEnd();
    else this.#skip(1, () => this.#add(char));
  }

  #skip(characters: number, then: () => void): void {
    this.#at += characters;
    then();
  }

  #add(text: string): void {
    this.#word = (this.#word ?? "") + text;
  }

  #peek(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  #lineEnd(): number {
    const end = this.#text.indexOf("\n", this.#at);
    return end < 0 ? this.#text.length : end;
  }

  /** What stands between the quote at the cursor and its end; moves past both. */
  #until(quote: string): string {
    const end = this.#text.indexOf(quote, this.#at + 1);
    const stop = end < 0 ? this.#text.length : end;
    const inside = this.#text.slice(this.#at + 1, stop);
    this.#at = stop + 1;
    return inside;
  }

  #escaped(): void {
    const next = this.#text.charAt(this.#at + 1);
    this.#at += 2;
    if (next !== "\n") this.#add(next);
  }

  #doubleQuoted(): void {
    this.#add("");
    this.#at += 1;
    while (this.#at < this.#text.length) {
      const char = this.#text.charAt(this.#at);
      if (char === '"') break;
      if (char === "\\") this.#escaped();
      else if (char === "`" || this.#peek("$(")) this.#substitution(char);
      else this.#skip(1, () => this.#add(char));
    }
    this.#at += 1;
  }

  #substitution(opening: string): void {
    let inside: string;
    if (opening === "`") inside = this.#until("`");
    else {
      const end = closingParenthesis(this.#text, this.#at + 2);
      inside = this.#text.slice(this.#at + 2, end);
      this.#at = end + 1;
    }
    this.#add("$()");
    if (this.#depth < depthMax) this.#commands.push(...new Reader(inside, this.#depth + 1).read());
  }

  #output(): void {
    if (this.#word !== undefined && /^\d+$/.test(this.#word)) this.#word = undefined;
    this.#endWord();
    const operator = /^(?:&>>?|>>|>\||>&|>)/.exec(this.#text.slice(this.#at, this.#at + 3))?.[0] ?? ">";
    this.#at += operator.length;
    this.#expects = "output";
  }

  #input(): void {
    if (this.#word !== undefined && /^\d+$/.test(this.#word)) this.#word = undefined;
    this.#endWord();
    const operator = /^(?:<<<|<<-?|<>|<&|<)/.exec(this.#text.slice(this.#at, this.#at + 3))?.[0] ?? "<";
    this.#at += operator.length;
    this.#expects =
      operator === "<>" ? "output" : operator === "<<" || operator === "<<-" ? "delimiter" : "input";
  }

  #separator(char: string): void {
    this.#at += 1;
    this.#endCommand();
    if (char === "\n") this.#skipHereDocuments();
  }

  /** Bodies of here-documents are data, not commands. */
  #skipHereDocuments(): void {
    for (const delimiter of this.#delimiters) {
      while (this.#at < this.#text.length) {
        const end = this.#lineEnd();
        const line = this.#text.slice(this.#at, end).trim();
        this.#at = end + 1;
        if (line === delimiter) break;
      }
    }
    this.#delimiters = [];
  }

  #endWord(): void {
    const word = this.#word;
    if (word === undefined) return;
    this.#word = undefined;
    if (this.#expects === "argument") this.#words.push(word);
    else if (this.#expects === "delimiter") this.#delimiters.push(word);
    // `>&2` and `>&-` name no file.
    else if (this.#expects === "output" && !/^(?:\d+|-)$/.test(word)) this.#writesTo.push(word);
    this.#expects = "argument";
  }

  #endCommand(): void {
    this.#endWord();
    this.#expects = "argument";
    if (this.#words.length > 0 || this.#writesTo.length > 0)
      this.#commands.push({ words: this.#words, writesTo: this.#writesTo });
    this.#words = [];
    this.#writesTo = [];
  }
}

/** Index of the parenthesis that closes the one before `from`; the text's length when none does. */
function closingParenthesis(text: string, from: number): number {
  let open = 1;
  for (let at = from; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === "\\") at += 1;
    else if (char === "'" || char === '"') {
      const end = text.indexOf(char, at + 1);
      if (end < 0) return text.length;
      at = end;
    } else if (char === "(") open += 1;
    else if (char === ")") {
      open -= 1;
      if (open === 0) return at;
    }
  }
  return text.length;
}
