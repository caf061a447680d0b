import { homedir, tmpdir } from "node:os";
import { changesRepository, findRoots, type PlainCommand } from "./commands.ts";

/** What a command plainly writes to, as it is spelled. Programs that are not known here write unseen. */
export function targetsOf(command: PlainCommand): readonly string[] {
  const { words, whole, line, writesTo } = command;
  // Git takes these from assignments before it, too.
  const assigned = whole.slice(0, Math.max(0, whole.lastIndexOf(" git ")));
  const set = [...assigned.matchAll(/(?:^| )GIT_(DIR|WORK_TREE)=(\S*)/g)];
  const named = set.map(([, name = "", path]) => `--${name.toLowerCase().replace("_", "-")}=${path}`);
  const args = [...named, ...words.slice(1)];
  const known = writers.get(line.split(" ", 1)[0] ?? "");
  return [...writesTo, ...(known?.(args, line) ?? [])];
}

type Targets = (args: readonly string[], line: string) => readonly string[];

const all: Targets = (args) => operands(args);
/** What is copied goes to its last operand, or where an option says. */
const last: Targets = (args) => {
  const into = valuesOf(args, /^(?:-\w*t|--target-directory)$/);
  const named = operands(args);
  if (into.length > 0 || args.includes("-d")) return [...into, ...named];
  return named.length > 1 ? named.slice(-1).filter((path) => !/^[^/]*:/.test(path)) : [];
};
const packed: Targets = (args) => (args.some((arg) => /^-\w*c|^--stdout$/.test(arg)) ? [] : operands(args));
const option =
  (name: RegExp): Targets =>
  (args) =>
    valuesOf(args, name);

const writers: ReadonlyMap<string, Targets> = new Map<string, Targets>(
  Object.entries({
    ...named("rm rmdir mv touch mkdir mktemp tee truncate unlink shred mkfifo mknod chmod chown chgrp", all),
    ...named("cp install rsync scp split", last),
    ...named("gzip gunzip bzip2 bunzip2 xz unxz zstd unzstd", packed),
    ...named("curl wget", option(/^(?:-\w*[oOP]|--(?:output(?:-d\w+)?|directory-prefix))$/)),
    ln: (args: readonly string[]) =>
      isSoftLink(args) || operands(args).length < 2 ? last(args, "") : operands(args),
    dd: (args: readonly string[]) => args.flatMap((arg) => (arg.startsWith("of=") ? [arg.slice(3)] : [])),
    sed: (args: readonly string[]) =>
      edited(args, /^-[a-zA-Z]*i|^--in-place/, /^(?:-\w*[ef]|--expression.*|--file.*)$/, 1),
    perl: (args: readonly string[]) => edited(args, /^-\w*i/, /^-\w*e$/, 0),
    ruby: (args: readonly string[]) => edited(args, /^-\w*i/, /^-\w*e$/, 0),
    sort: option(/^(?:-\w*o|--output)$/),
    patch: (args: readonly string[]) => [
      ...operands(args.filter((_, at) => args[at - 1] !== "-i")).slice(0, 1),
      ...valuesOf(args, /^(?:-[do]|--directory|--output)$/),
    ],
    unzip: option(/^-\w*d$/),
    zip: (args: readonly string[]) => operands(args).slice(0, 1),
    tar: tarTargets,
    find: findTargets,
    git: gitTargets,
  }),
);

function named(names: string, targets: Targets): Readonly<Record<string, Targets>> {
  return Object.fromEntries(names.split(" ").map((name) => [name, targets]));
}

/** The words that are no options. */
function operands(args: readonly string[]): readonly string[] {
  const end = args.indexOf("--");
  const before = end < 0 ? args : args.slice(0, end);
  const after = end < 0 ? [] : args.slice(end + 1);
  return [...before.filter((arg) => !/^-./.test(arg)), ...after];
}

/** What follows options of these names, as a word of its own, behind `=`, or glued to a short one. */
function valuesOf(args: readonly string[], name: RegExp): readonly string[] {
  return args.flatMap((arg, at) => {
    const [, long, value] = /^(--[\w-]+)=(.*)$/.exec(arg) ?? /^(-\w)(.+)$/.exec(arg) ?? [];
    if (long !== undefined && value !== undefined && name.test(long)) return [value];
    return name.test(arg) ? args.slice(at + 1, at + 2) : [];
  });
}

/** Files edited in place: the operands but for the script, which is the first `scripts` of them where no option gives it. */
function edited(args: readonly string[], inPlace: RegExp, script: RegExp, scripts: number) {
  if (!args.some((arg) => inPlace.test(arg))) return [];
  const hasScript = args.some((arg) => script.test(arg));
  const files = args.filter((_, at) => !script.test(args[at - 1] ?? ""));
  return operands(files).slice(hasScript ? 0 : scripts);
}

/** True for `ln -s`: what it points at is not touched. */
export function isSoftLink(args: readonly string[]): boolean {
  return args.some((arg) => /^-\w*s|^--symbolic$/.test(arg));
}

function tarTargets(args: readonly string[]): readonly string[] {
  const isFlags = (at: number): boolean => at === 0 || /^-\w/.test(args[at] ?? "");
  const has = (letters: RegExp, long: RegExp): boolean =>
    args.some((arg, at) => (isFlags(at) && letters.test(arg)) || long.test(arg));
  if (has(/^-?\w*x/, /^--(?:extract|get)$/)) return valuesOf(args, /^(?:-\w*C|--directory)$/);
  if (!has(/^-?\w*[cru]/, /^--(?:create|append|update)$/)) return [];
  const files = args.flatMap((_, at) =>
    isFlags(at) && /^-?\w*f$/.test(args[at] ?? "") ? args.slice(at + 1, at + 2) : [],
  );
  return [...files, ...valuesOf(args, /^--file$/)].filter((path) => path !== "-");
}

function findTargets(args: readonly string[]): readonly string[] {
  const files = valuesOf(args, /^-(?:fprint0?|fprintf|fls)$/);
  return args.includes("-delete") ? [...findRoots(["find", ...args]), ...files] : files;
}

/** Where git works when that is not where it was started, and what it makes elsewhere. */
function gitTargets(args: readonly string[], line: string): readonly string[] {
  if (!changesRepository(line)) return valuesOf(args, /^--output$/);
  const elsewhere = valuesOf(args, /^(?:-C|--git-dir|--work-tree)$/).filter((path) => !isOwnGit(path));
  const verb = args.indexOf(line.split(" ")[1] ?? "");
  const rest = args.slice(verb + 1);
  const [first = "", second = ""] = operands(rest);
  const config = /^git config (?:\S+ )*?--(global|system)/.exec(line)?.[1];
  return [
    ...elsewhere,
    ...valuesOf(rest, /^(?:-[of]|--file|--output|--output-directory)$/),
    ...(config === undefined ? [] : [config === "global" ? "~/.gitconfig" : "/etc/gitconfig"]),
    ...(line.startsWith("git clone ") ? last(rest, line) : []),
    ...(line.startsWith("git bundle create ") ? [second] : []),
    ...(line.startsWith("git init ") ? [first] : []),
    ...(/^git worktree (?:add|move|remove)/.test(line) ? operands(rest).slice(1, 3) : []),
  ].filter((path) => path !== "");
}

/** `--git-dir=.git` is what git takes anyway. */
function isOwnGit(path: string): boolean {
  return /^(?:\.\/)?\.git\/?$/.test(path);
}

/** Groups of braces in one word, and words that they may stand for; more of them are taken for what lies outside. */
const bracesMax = 8;
const spelledMax = 256;

/**
 * The paths that a word of a shell text stands for, as far as it tells: braces are taken apart, the well-known variables
 * are put in, and of what only the shell can know the directory before it is left. None when nothing is left.
 */
export function spelledPaths(word: string): readonly string[] {
  const groups = word.split("{");
  const product = groups.reduce((words, group) => words * group.split(",").length, 1);
  if (groups.length > bracesMax || (groups.length > 1 && product > spelledMax)) return ["/"];
  const [, before, inner, after] = /^(.*?)\{([^{}]*,[^{}]*)\}(.*)$/s.exec(word) ?? [];
  if (inner !== undefined) return inner.split(",").flatMap((one) => spelledPaths(`${before}${one}${after}`));
  const path = word
    .replace(/^\$(?:HOME|\{HOME\})(?=\/|$)/, homedir())
    .replace(/^\$(?:TMPDIR|\{TMPDIR\})(?=\/|$)/, tmpdir())
    .replace(/^\$(?:PWD|\{PWD\})(?=\/|$)/, ".")
    .replace(/^~(?=\/|$)/, homedir())
    .replace(/^~(\w+)/, "/home/$1");
  const unseen = path.search(/[$*?[\]`]/);
  const seen = unseen < 0 ? path : path.slice(0, path.lastIndexOf("/", unseen) + 1);
  return seen === "" ? [] : [seen];
}
