import type { Permission } from "../../core/plan.ts";
import { type ShellCommand, shellCommands } from "./shell.ts";

/** Delivery is the coordinator's: these words of a program hand work to the outside. */
const deliveries: Readonly<Record<string, readonly string[]>> = {
  npm: ["publish", "unpublish", "deprecate", "dist-tag", "version"],
  pnpm: ["publish", "version"],
  yarn: ["publish", "version"],
  bun: ["publish"],
  lerna: ["publish", "version"],
  changeset: ["publish"],
  cargo: ["publish", "yank"],
  poetry: ["publish"],
  uv: ["publish"],
  twine: ["upload"],
  gem: ["push", "yank"],
  docker: ["push"],
  podman: ["push"],
  helm: ["push"],
  mvn: ["deploy"],
  gh: [
    "pr create",
    "pr merge",
    "pr close",
    "release create",
    "release upload",
    "release delete",
    "repo delete",
  ],
  glab: ["mr create", "mr merge", "mr close", "release create"],
};

/** What a program does to files, for workers that only read. An empty list means: whatever its arguments are. */
const writers: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(
    (
      "rm rmdir mv cp ln touch mkdir mktemp install truncate tee dd shred unlink mkfifo mknod chmod chown chgrp rsync " +
      "scp sftp patch wget vi vim nano emacs ed ex apt apt-get apk dnf yum brew"
    )
      .split(" ")
      .map((name) => [name, []]),
  ),
  npm: ["install", "i", "ci", "add", "update", "uninstall", "remove", "link", "init", "pkg set"],
  pnpm: ["install", "i", "add", "update", "remove", "link", "init"],
  yarn: ["install", "add", "remove", "upgrade", "link", "init"],
  bun: ["install", "add", "remove", "update", "link", "init"],
  pip: ["install", "uninstall"],
  pip3: ["install", "uninstall"],
  cargo: ["add", "install", "remove", "update", "fix", "new", "init", "fmt"],
  go: ["get", "install", "mod tidy", "mod init", "fmt", "generate"],
};

/** Git subcommands that leave the repository as it is. */
const gitReaders = new Set(
  (
    "annotate blame cat-file check-ignore cherry count-objects describe diff diff-files diff-index diff-tree " +
    "for-each-ref fsck grep help log ls-files ls-remote ls-tree merge-base merge-tree name-rev range-diff reflog " +
    "rev-list rev-parse shortlog show show-branch show-ref status var verify-commit version whatchanged"
  ).split(" "),
);
/** Git subcommands that read only when nothing but these words follows. */
const gitListings: Readonly<Record<string, RegExp>> = {
  branch:
    /^(?:--?(?:a|r|v|vv|list|all|remotes|contains|merged|no-merged|show-current|format|sort).*|[^-].*)?$/,
  config: /^(?:--(?:get|list|get-all|get-regexp|show-origin|global|local).*|-l|get|list|[\w.-]+)$/,
  remote: /^(?:-v|--verbose|show|get-url|[\w-]+)$/,
  stash: /^(?:list|show|-.*|stash@.*)$/,
  worktree: /^(?:list|--porcelain)$/,
  tag: /^(?:-l|-n\d*|--(?:list|contains|merged|points-at|sort|format).*|[^-].*)$/,
};
const listingNeedsWord: Readonly<Record<string, RegExp>> = {
  branch: /^--?(?:a|r|v|vv|list|all|remotes|contains|merged|no-merged|show-current)\b/,
  config: /^(?:--(?:get|list|get-all|get-regexp)|-l|get|list)\b/,
  remote: /^(?:-v|--verbose|show|get-url)$/,
  stash: /^(?:list|show)$/,
  worktree: /^list$/,
  tag: /^(?:-l|-n\d*|--(?:list|contains|merged|points-at))\b/,
};

const shells = new Set(["sh", "bash", "zsh", "dash", "ksh", "fish"]);
const wrappers = new Set(
  "sudo doas command exec builtin nohup time nice ionice setsid stdbuf env xargs timeout busybox npx".split(
    " ",
  ),
);
const keywords = new Set("if then elif else while until do ! { }".split(" "));
const devices = new Set(["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"]);
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
    const refusal = refusedSimple(command, permission, nesting);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function refusedSimple(command: ShellCommand, permission: Permission, nesting: number): string | undefined {
  const target = command.writesTo.find((path) => !devices.has(path));
  if (permission === "read" && target !== undefined) return readOnly(`the redirection to "${target}"`);
  return refusedWords(command.words, permission, nesting);
}

function refusedWords(all: readonly string[], permission: Permission, nesting: number): string | undefined {
  const words = unwrapped(all);
  const [first, ...rest] = words;
  if (first === undefined) return undefined;
  const program = (first.split("/").at(-1) ?? first).toLowerCase().replace(/\.(?:exe|cmd)$/, "");
  const inner = innerText(program, rest);
  if (inner !== undefined) return refusedText(inner, permission, nesting + 1);
  if (program === "git") return refusedGit(rest, permission);
  const delivery = matching(deliveries[program], rest);
  if (delivery !== undefined) return delivers(`${program} ${delivery}`);
  if (program === "find") return refusedFind(rest, permission, nesting);
  return permission === "read" ? refusedWriter(program, rest) : undefined;
}

/** The words without keywords, assignments and programs that only start another one. */
function unwrapped(all: readonly string[]): readonly string[] {
  let words = all;
  let wrapped = false;
  for (;;) {
    const [first, second] = words;
    if (first === undefined) return words;
    if (wrappers.has(first.split("/").at(-1) ?? first)) wrapped = true;
    else if (!keywords.has(first) && !/^\w+\+?=/.test(first)) {
      // What follows a wrapper may be its options, some with a value, and values such as timeout's "5s".
      if (!wrapped || !/^-|^\{\}$|^\d+(?:\.\d+)?[smhd]?$/.test(first)) return words;
      if (/^-[InLPugksda]$/.test(first) && second !== undefined) words = words.slice(1);
    }
    words = words.slice(1);
  }
}

/** The shell text that `sh -c` or `eval` would run. */
function innerText(program: string, rest: readonly string[]): string | undefined {
  if (program === "eval") return rest.join(" ");
  if (!shells.has(program)) return undefined;
  const option = rest.findIndex((word) => /^-\w*c\w*$/.test(word));
  return option < 0 ? undefined : rest[option + 1];
}

function refusedGit(rest: readonly string[], permission: Permission): string | undefined {
  let at = 0;
  for (; at < rest.length && rest[at]?.startsWith("-"); at += 1) {
    if (/^(?:-C|-c|--git-dir|--work-tree|--namespace|--exec-path)$/.test(rest[at] ?? "")) at += 1;
    if (/^alias\./.test(rest[at] ?? "")) return delivers("git with an alias made on the spot");
  }
  const name = rest[at];
  if (name === undefined) return undefined;
  const words = rest.slice(at + 1);
  if (["push", "send-pack", "http-push", "send-email"].includes(name)) return delivers(`git ${name}`);
  const lists = isListing(name, words);
  if (name === "tag" && !lists) return delivers("git tag");
  if (permission !== "read" || gitReaders.has(name) || lists) return undefined;
  return readOnly(`"git ${name}"`);
}

function isListing(name: string, words: readonly string[]): boolean {
  const each = gitListings[name];
  const some = listingNeedsWord[name];
  if (each === undefined || some === undefined) return false;
  if (words.length === 0) return name !== "stash" && name !== "worktree";
  return words.every((word) => each.test(word)) && words.some((word) => some.test(word));
}

function refusedFind(rest: readonly string[], permission: Permission, nesting: number): string | undefined {
  const effect = rest.find((word) => word === "-delete" || word.startsWith("-fprint") || word === "-fls");
  if (permission === "read" && effect !== undefined) return readOnly(`"find ${effect}"`);
  for (const [index, word] of rest.entries()) {
    if (!/^-(?:exec|execdir|ok|okdir)$/.test(word)) continue;
    const refusal = refusedWords(rest.slice(index + 1), permission, nesting + 1);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function refusedWriter(program: string, rest: readonly string[]): string | undefined {
  const flag = rest.find((word) => /^--(?:write|fix|in-place)\b/.test(word));
  if (flag !== undefined) return readOnly(`"${program} ${flag}"`);
  if (/^(?:sed|perl|ruby)$/.test(program) && rest.some((word) => /^-[a-z]*i/.test(word)))
    return readOnly(`"${program} -i"`);
  if (program === "curl" && rest.some((word) => /^(?:-[a-zA-Z]*[oO]|--output|--remote-name)/.test(word)))
    return readOnly('"curl" into a file');
  const known = writers[program];
  if (known === undefined) return undefined;
  if (known.length === 0) return readOnly(`"${program}"`);
  const words = matching(known, rest);
  return words === undefined ? undefined : readOnly(`"${program} ${words}"`);
}

/** The pattern whose words stand in this order, side by side, among the arguments that are no options. */
function matching(patterns: readonly string[] | undefined, rest: readonly string[]): string | undefined {
  const plain = rest.filter((word) => !word.startsWith("-"));
  if (plain[0] === "run" || plain[0] === "exec" || plain[0] === "test") return undefined;
  const line = ` ${plain.join(" ")} `;
  return patterns?.find((pattern) => line.includes(` ${pattern} `));
}

function readOnly(what: string): string {
  return `this worker is read-only and ${what} changes files; report what should change instead`;
}
function delivers(what: string): string {
  return `"${what}" delivers work and workers never do; leave the changes in the workspace and say what is ready`;
}
