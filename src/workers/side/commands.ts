import type { Permission } from "../../core/plan.ts";

/** Ends a word of the patterns below. */
const end = "(?=[ =]|$)";
const words = (text: string): string => `(?:${text.replaceAll(" ", "|")})${end}`;
/** Package managers: what they run by name is the project's own business. */
const managers = String.raw`(?:npm|pnpm|yarn|bun|pip3?|cargo|go|poetry|uv|lerna|changeset) (?!(?:run|exec|test) )(?:\S+ )*?`;

/** Delivery is the coordinator's: these hand work to the outside. */
const deliveries = [
  `git ${words("push send-pack http-push send-email")}`,
  `git (?:\\S+ )*?alias\\.`,
  `git tag (?!${words("-l -n\\d* --list --contains --merged --no-merged --points-at --sort --format")})`,
  `${managers}${words("publish unpublish deprecate dist-tag version yank")}`,
  `(?:gem|docker|podman|helm|twine|mvn) (?:\\S+ )*?${words("push yank upload deploy")}`,
  `(?:gh|glab) (?:pr|mr|release|repo) ${words("create merge close upload delete")}`,
].map((pattern) => new RegExp(`^${pattern}`));

/** What changes files, for workers that only read. */
const writers = [
  words(
    "rm rmdir mv cp ln touch mkdir mktemp install truncate tee dd shred unlink mkfifo mknod chmod chown chgrp rsync scp " +
      "sftp patch wget vi vim nano emacs ed ex apt apt-get apk dnf yum brew",
  ),
  `${managers}${words("install i ci add update upgrade uninstall remove link init set fix new fmt get tidy generate")}`,
  `(?:\\S+ )*?--${words("write fix in-place")}`,
  "(?:sed|perl|ruby) (?:\\S+ )*?-[a-z]*i",
  `curl (?:\\S+ )*?(?:-[a-zA-Z]*[oO]|--output|--remote-name)${end}`,
  "find (?:\\S+ )*?-(?:delete|fprint|fls)",
].map((pattern) => new RegExp(`^${pattern}`));

/** Git commands that leave the repository as it is; all others write. */
const gitReads = new RegExp(
  `^git(?:$| (?:(?:branch|tag|remote)$|${words(
    "annotate blame cat-file check-ignore cherry count-objects describe diff diff-files diff-index diff-tree " +
      "for-each-ref fsck grep help log ls-files ls-remote ls-tree merge-base merge-tree name-rev range-diff reflog " +
      "rev-list rev-parse shortlog show show-branch show-ref status var verify-commit version whatchanged tag",
  )}|branch ${words("-[arv]+ --list --all --remotes --contains --merged --no-merged --show-current --sort --format")}|config ${words(
    "-l get list --list --get --get-all --get-regexp",
  )}|remote ${words("-v --verbose show get-url")}|stash ${words("list show")}|worktree list))`,
);
const gitOptions =
  /^git(?: (?:-[Cc]|--(?:git-dir|work-tree|namespace|exec-path)) (?!alias\.)\S+| -(?!c alias)\S+)*/;

/** Keywords, assignments, and programs that only start another one, with their options. */
const prefix =
  /^(?:(?:if|then|elif|else|while|until|do|!|\{|\}) |\w+\+?=\S* |(?:\S*\/)?(?:sudo|doas|command|exec|builtin|nohup|time|nice|ionice|setsid|stdbuf|env|xargs|timeout|busybox|npx) (?:(?:-[InLPugksda] \S+|-\S+|\{\}|[\d.]+[smhd]?|\w+=\S*) )*)*/;
const devices = ["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"];
const nestingMax = 8;

/**
 * Why a worker must not run this shell text, or undefined when nothing speaks against it. Workers of every permission
 * deliver nothing (push, tag, publish, pull requests); `read` workers also change no files. This reads the text and
 * is best effort: what a program, a script file or an interpreter's one-liner does stays unseen.
 */
export function refusedCommand(text: string, permission: Permission): string | undefined {
  return refusedText(text, permission, 0);
}

function refusedText(text: string, permission: Permission, nesting: number): string | undefined {
  if (nesting > nestingMax) return "it nests shells too deeply to be judged; write it as a plain command";
  for (const command of shellCommands(text)) {
    const target = command.writesTo.find((path) => !devices.includes(path));
    if (permission === "read" && target !== undefined) return changesFiles(`> ${target}`);
    const refusal = refusedWords(command.words, permission, nesting);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function refusedWords(all: readonly string[], permission: Permission, nesting: number): string | undefined {
  const whole = all.map((word) => word.replace(/\s+/g, "_") || "_").join(" ");
  const bare = whole.replace(prefix, "");
  const rest = all.slice(all.length - bare.split(" ").length);
  const line = bare.replace(/^(?:\S*\/)?(\S+?)(?:\.exe|\.cmd)?(?= |$)/i, (_, name: string) =>
    name.toLowerCase(),
  );
  const script = /^(?:ba|z|da|k|fi)?sh$/.test(line.split(" ")[0] ?? "")
    ? rest[rest.findIndex((word) => /^-\w*c/.test(word)) + 1]
    : line.startsWith("eval ")
      ? rest.slice(1).join(" ")
      : undefined;
  if (script !== undefined && script !== rest[0]) return refusedText(script, permission, nesting + 1);
  const started = rest.findIndex((word) => /^-(?:exec|ok)(?:dir)?$/.test(word));
  const inner =
    line.startsWith("find ") && started > 0
      ? refusedWords(rest.slice(started + 1), permission, nesting)
      : undefined;
  if (inner !== undefined) return inner;

  const plain = line.replace(gitOptions, "git");
  if (deliveries.some((pattern) => pattern.test(plain)))
    return `"${shown(plain)}" delivers work and workers never do; leave the changes in the workspace and say what is ready`;
  const writes = plain.startsWith("git ")
    ? !gitReads.test(plain)
    : writers.some((pattern) => pattern.test(plain));
  return permission === "read" && writes ? changesFiles(plain) : undefined;
}

function changesFiles(what: string): string {
  return `this worker is read-only and "${shown(what)}" changes files; report what should change instead`;
}

function shown(line: string): string {
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}

/** One simple command of a shell text, as far as it can be read without running it. */
export interface ShellCommand {
  /** Its words with quotes removed; a substitution inside a word stands as `$()`. */
  readonly words: string[];
  /** Targets of its output redirections; duplicated file descriptors are left out. */
  readonly writesTo: string[];
}

/** A command that is being read, inside the parenthesis or backtick that opened it. */
interface Reading extends ShellCommand {
  readonly opening: "" | "(" | "$(" | "`";
  isQuoted: boolean;
  word: string | undefined;
  /** The operator whose target the next word is. */
  redirect: string | undefined;
}

const plainToken =
  /\\\n|\\(?<escaped>[\s\S])|'(?<single>[^']*)'?|(?<quote>")|(?<![^\s;&|()])#.*|(?<redirect>&?>[>|&]?|<<<|<<-?|<&?)|(?<open>\$?\(|`)|(?<close>\))|(?<stop>[;&|\n])|(?<space>[ \t\r]+)|(?<literal>[\s\S])/y;
const quotedToken = /\\\n|\\(?<escaped>["\\$`])|(?<quote>")|(?<open>\$\(|`)|(?<literal>[\s\S])/y;

/**
 * Splits a POSIX shell text into its simple commands, those inside substitutions and subshells included. It reads and
 * never expands: variables, aliases and generated text stay unseen; bodies of here-documents are data.
 */
export function shellCommands(text: string): readonly ShellCommand[] {
  const found: ShellCommand[] = [];
  const outer: Reading[] = [];
  const delimiters: string[] = [];
  let now = begin("");
  const endCommand = (): void => {
    endWord(now, delimiters);
    if (now.words.length + now.writesTo.length > 0) found.push({ words: now.words, writesTo: now.writesTo });
    now = begin(now.opening);
  };
  const close = (): void => {
    endCommand();
    now = outer.pop() ?? now;
  };
  const open = (opening: Reading["opening"]): void => {
    if (opening === "(") endCommand();
    else now.word = `${now.word ?? ""}$()`;
    outer.push(now);
    now = begin(opening);
  };
  for (let at = 0; at < text.length; ) {
    const token = now.isQuoted ? quotedToken : plainToken;
    token.lastIndex = at;
    const { groups = {} } = token.exec(text) ?? {};
    at = token.lastIndex;
    const literal = groups.escaped ?? groups.single ?? groups.literal ?? (groups.quote && "");
    if (literal !== undefined) now.word = (now.word ?? "") + literal;
    if (groups.quote) now.isQuoted = !now.isQuoted;
    if (groups.space) endWord(now, delimiters);
    if (groups.stop) endCommand();
    if (groups.stop === "\n") at = afterHereDocuments(text, at, delimiters.splice(0));
    if (groups.redirect) {
      if (/^\d+$/.test(now.word ?? "")) now.word = undefined;
      endWord(now, delimiters);
      now.redirect = groups.redirect;
    }
    if (groups.close || (groups.open === "`" && now.opening === "`")) close();
    else if (groups.open === "(" || groups.open === "$(" || groups.open === "`") open(groups.open);
  }
  while (outer.length > 0) close();
  endCommand();
  return found;
}

function begin(opening: Reading["opening"]): Reading {
  return { words: [], writesTo: [], opening, isQuoted: false, word: undefined, redirect: undefined };
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
