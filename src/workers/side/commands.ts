import { type Shell, shellCommands } from "./shell.ts";

/** Ends a word of the patterns below. */
const end = "(?=[ =]|$)";
const words = (text: string): string => `(?:${text.replaceAll(" ", "|")})${end}`;
/** Package managers: what they run by name is the project's own business. */
const manager = (names: string): string => String.raw`(?:${names}) (?:(?!(?:run|exec|test) )\S+ )*?`;
const managers = manager("npm|pnpm|yarn|bun|pip3?|cargo|go|poetry|uv|lerna|changeset");

/** Delivery is the coordinator's: these hand work to the outside. */
const deliveries = [
  `git ${words("push send-pack http-push send-email")}`,
  "git (?:-c|config(?: \\S+)*?) alias\\.",
  `git tag (?!${words("-l -n\\d* --list --contains --merged --no-merged --points-at --sort --format")})`,
  `${managers}${words("publish unpublish deprecate dist-tag yank")}`,
  // Alone it only tells the version, or begins to ask.
  `${manager("npm|pnpm|poetry|uv")}version .`,
  `${manager("yarn|lerna|changeset")}${words("version")}`,
  `${manager("docker|podman")}${words("push")}`,
  `(?:gem|helm|twine|mvn) (?:\\S+ )*?${words("push yank upload deploy")}`,
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
const nestingMax = 8;

/** One command as it would run: without what only starts it. What an inner shell or `find` starts is one of its own. */
export interface PlainCommand {
  /** Its words, the program first; none where it only redirects. */
  readonly words: readonly string[];
  /** What patterns see: the program by its bare name, git without its global options, white space in a word as `_`. */
  readonly line: string;
  /** The same as it was written. */
  readonly whole: string;
  readonly writesTo: readonly string[];
  readonly shell: Shell;
}

/** The commands of a shell text in their order; undefined when shells are nested too deeply to be read. */
export function plainCommands(text: string): readonly PlainCommand[] | undefined {
  const found: PlainCommand[] = [];
  return readText(text, { outer: undefined }, nestingMax, found) ? found : undefined;
}

function readText(text: string, by: Shell, depth: number, found: PlainCommand[]): boolean {
  return (
    depth > 0 &&
    shellCommands(text, by).every(({ words, writesTo, shell }) =>
      readWords(words, { writesTo, shell }, depth, found),
    )
  );
}

function readWords(
  all: readonly string[],
  of: Pick<PlainCommand, "writesTo" | "shell">,
  depth: number,
  found: PlainCommand[],
): boolean {
  const whole = all.map((word) => word.replace(/\s+/g, "_") || "_").join(" ");
  const bare = whole.replace(prefix, "");
  const words = bare === "" ? [] : all.slice(all.length - bare.split(" ").length);
  const line = bare.replace(/^(?:\S*\/)?(\S+?)(?:\.exe|\.cmd)?(?= |$)/i, (_, name: string) =>
    name.toLowerCase(),
  );
  found.push({ ...of, words, whole, line: line.replace(gitOptions, "git") });
  if (/^(?:ba|z|da|k|fi)?sh /.test(line)) {
    const at = words.findIndex((word) => /^-\w*c/.test(word)) + 1;
    return at === 0 || readText(words[at] ?? "", { outer: of.shell }, depth - 1, found);
  }
  if (line.startsWith("eval ")) return readText(words.slice(1).join(" "), of.shell, depth - 1, found);
  return !line.startsWith("find ") || readStarted(words, of, depth, found);
}

/** What `find` starts: `{}` stands for the places in which it looks. */
function readStarted(
  words: readonly string[],
  of: Pick<PlainCommand, "writesTo" | "shell">,
  depth: number,
  found: PlainCommand[],
): boolean {
  const roots = [...new Set(findRoots(words))];
  // What is behind one of them up to its end is its own.
  for (let at = 1; at < words.length; at++) {
    if (!/^-(?:exec|ok)(?:dir)?$/.test(words[at] ?? "")) continue;
    const end = words.findIndex((one, place) => place > at && (one === ";" || one === "+"));
    const inner = words.slice(at + 1, end < 0 ? undefined : end);
    const started = inner.flatMap((one) => (one === "{}" ? roots : [one]));
    if (depth <= 1 || !readWords(started, { ...of, writesTo: [] }, depth - 1, found)) return false;
    at += inner.length;
  }
  return true;
}

/** The places in which a `find` looks. */
export function findRoots(words: readonly string[]): readonly string[] {
  const end = words.findIndex((word, at) => at > 0 && /^[-(!]/.test(word));
  const roots = words.slice(1, end < 0 ? undefined : end);
  return roots.length === 0 ? ["."] : roots;
}

/** Why this command is not for workers, unless a rule allows it: it hands work to the outside. */
export function refusedDelivery({ line }: PlainCommand): string | undefined {
  return deliveries.some((pattern) => pattern.test(line))
    ? `"${shown(line)}" delivers work and workers never do; leave the changes in the workspace and say what is ready`
    : undefined;
}

/** Why this command is not for a worker that only reads: it plainly changes files. */
export function refusedChange({ line, writesTo }: PlainCommand): string | undefined {
  const target = writesTo.find((path) => !isDevice(path));
  const writes = line.startsWith("git ")
    ? changesRepository(line)
    : writers.some((pattern) => pattern.test(line));
  if (target === undefined && !writes) return undefined;
  const what = target === undefined ? line : `> ${target}`;
  return `this worker is read-only and "${shown(what)}" changes files; report what should change instead`;
}

/** True for a line of git that does not only read. */
export function changesRepository(line: string): boolean {
  return !gitReads.test(line);
}

/** True for the devices that everybody writes to. */
export function isDevice(path: string): boolean {
  return /^\/dev\/(?:null|zero|full|u?random|tty|std(?:in|out|err)|(?:fd|pts)\/.+)$/.test(path);
}

function shown(line: string): string {
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}
