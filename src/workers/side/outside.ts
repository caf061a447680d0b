import { realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import type { Assignment } from "../../core/assignment.ts";
import { isDevice, type PlainCommand } from "./commands.ts";
import { isElsewhere, placeFromShell } from "./paths.ts";
import type { Shell } from "./shell.ts";
import { isSoftLink, spelledPaths, targetsOf } from "./targets.ts";

type Rights = Pick<Assignment, "workspace" | "permission" | "expectedParentPid">;

/**
 * Why a worker must not run these commands: something that they plainly write to lies outside its workspace, or under
 * `.git` or `.muster`; or they signal who is not its own. Devices and temporary directories are everybody's, and `full`
 * workers write where they like but under `.git` and `.muster`. Follows changes of directory and links that the same
 * text makes; what cannot be told before it runs is not judged.
 */
export async function refusedReach(
  commands: readonly PlainCommand[],
  rights: Rights,
): Promise<string | undefined> {
  const text = new ReadText(rights);
  for (const command of commands) {
    const reason = refusedSignal(command, rights) ?? (await text.refusal(command));
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** What a text has done up to the command that is judged. */
class ReadText {
  readonly #rights: Rights;
  /** Where each shell stands; undefined where nobody can tell. */
  readonly #directories = new Map<Shell, string | undefined>();
  /** Links that the text makes, and where they lead. */
  readonly #links: (readonly [link: string, target: string])[] = [];

  constructor(rights: Rights) {
    this.#rights = rights;
  }

  async refusal(command: PlainCommand): Promise<string | undefined> {
    const directory = this.#directoryOf(command.shell);
    for (const target of targetsOf(command)) {
      if (isDevice(target)) continue;
      for (const path of spelledPaths(target)) {
        if (directory === undefined && !path.startsWith("/")) continue;
        const problem = await this.#problemOf(path, directory ?? "/");
        if (problem !== undefined) return `"${target}" ${problem}; write inside the workspace`;
      }
    }
    await this.#follow(command, directory);
    return undefined;
  }

  #directoryOf(shell: Shell): string | undefined {
    for (let at: Shell | undefined = shell; at !== undefined; at = at.outer)
      if (this.#directories.has(at)) return this.#directories.get(at);
    return this.#rights.workspace;
  }

  async #problemOf(path: string, directory: string): Promise<string | undefined> {
    const { workspace, permission } = this.#rights;
    const spelled = this.#throughLinks(join(path.startsWith("/") ? "/" : directory, path), path);
    const placed = await placeFromShell(spelled, directory, workspace);
    if (!("problem" in placed)) return undefined;
    const isOurs = placed.path.split(sep).some((part) => part.toLowerCase() === ".muster");
    if (isOurs) return "belongs to .muster, which workers leave alone";
    const mayBeFree = placed.problem.startsWith("is outside");
    const isFree = mayBeFree && (permission === "full" || (await isTemporary(placed.path, workspace)));
    return isFree ? undefined : placed.problem;
  }

  #throughLinks(lexical: string, path: string): string {
    const made = this.#links.findLast(([link]) => lexical === link || lexical.startsWith(link + sep));
    return made === undefined ? path : made[1] + lexical.slice(made[0].length);
  }

  async #follow({ words, line, shell }: PlainCommand, directory: string | undefined): Promise<void> {
    const [program = ""] = line.split(" ", 1);
    const named = words.slice(1).filter((word) => !/^-./.test(word));
    if (["cd", "pushd", "popd"].includes(program)) {
      const [path] = spelledPaths(named[0] ?? (program === "cd" ? "~" : "$"));
      const isSeen = path !== undefined && path !== "-" && (directory !== undefined || path.startsWith("/"));
      const spelled = isSeen ? this.#throughLinks(join(directory ?? "/", path), path) : "";
      const placed = isSeen && (await placeFromShell(spelled, directory ?? "/", this.#rights.workspace));
      this.#directories.set(shell, placed ? placed.path : undefined);
    }
    if (program !== "ln" || !isSoftLink(words) || directory === undefined) return;
    const [target, link = "."] = named.flatMap(spelledPaths);
    if (target === undefined) return;
    const at = join(directory, link);
    // Where `link` is a directory, the link is made in it.
    for (const made of [at, join(at, basename(resolve("/", target)))])
      this.#links.push([made, resolve(dirname(made), target)]);
  }
}

/** True for a place below a temporary directory; where the workspace lies in one, what lies beside it there is not. */
async function isTemporary(path: string, workspace: string): Promise<boolean> {
  const root = await realpath(workspace);
  for (const directory of [tmpdir(), "/tmp", "/var/tmp", "/dev/shm"]) {
    const temporary = await realpath(directory).catch(() => undefined);
    if (temporary === undefined) continue;
    const [at, own] = [relative(temporary, path), relative(temporary, root)];
    if (!isElsewhere(at) && (isElsewhere(own) || at.split(sep)[0] !== own.split(sep)[0])) return true;
  }
  return false;
}

/** A worker ends what it started, not who drives it. */
function refusedSignal({ words, line }: PlainCommand, { expectedParentPid }: Rights): string | undefined {
  const [program = ""] = line.split(" ", 1);
  if (!["kill", "pkill", "killall"].includes(program)) return undefined;
  const named = words.slice(1).filter((word, at) => at > 0 || !/^-[A-Za-z0-9]+$/.test(word));
  const isForeign = (word: string): boolean =>
    program === "kill"
      ? [String(expectedParentPid), `-${expectedParentPid}`, "$PPID", "-1", "1"].includes(word)
      : /^(?:node|nodejs|bun|deno|sh|bash|\.\*?)$|^pi\b|muster/.test(word);
  const foreign = named.find(isForeign);
  if (foreign === undefined) return undefined;
  return `"${program} ${foreign}" reaches processes that are not this worker's; end only what you started, by its pid`;
}
