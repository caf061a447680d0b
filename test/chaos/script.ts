import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bash, submit } from "../e2e/support/rules.ts";
import type { ChaosTask } from "./plan.ts";

/** What a task's worker says in the end, however often it was begun. */
export function resultOf({ id }: { readonly id: string }): string {
  return `everything about ${id} is done`;
}

/** Seconds that a worker's forgotten children would live: long enough to be seen, short enough not to stay for ever. */
const broodSeconds = 300;

/**
 * What a worker leaves running when its tool has returned: a plain child, one that begins a session of its own, one
 * that is deaf to signals, a daemon whose parent is gone, and one that holds the tool's pipes.
 */
const brood = [
  `sleep ${broodSeconds} </dev/null >/dev/null 2>&1 &`,
  `setsid sleep ${broodSeconds} </dev/null >/dev/null 2>&1 &`,
  `(trap '' TERM HUP INT; setsid sleep ${broodSeconds} </dev/null >/dev/null 2>&1) </dev/null >/dev/null 2>&1 &`,
  `(setsid sh -c 'sleep ${broodSeconds} & exit 0' </dev/null >/dev/null 2>&1 &)`,
  `setsid sleep ${broodSeconds} &`,
].join(" ");

const lastDeed = "kill-once.sh";

/** Puts there what the workers of `scriptOf` call. */
export async function prepareFlags(flags: string): Promise<void> {
  await mkdir(flags);
  const script = '[ -e "$(dirname "$0")/$1" ] || { : > "$(dirname "$0")/$1"; kill -9 "$2"; }\n';
  await writeFile(join(flags, lastDeed), script);
}

/** Rules of the scripted model for these tasks: what their workers do, the same in every attempt but where it says so. */
export function scriptOf(tasks: readonly ChaosTask[], flags: string): readonly object[] {
  return tasks.flatMap((task) => rulesOf(task, flags));
}

function rulesOf(task: ChaosTask, flags: string): readonly object[] {
  const when = { prompt: `# Your task: ${task.id}\n`, system: "# How you work in this team" };
  const usage = { input: 1_000, output: 100, cost: 0.25 };
  const done = submit(resultOf(task));
  // What a full disk refused is handed in again.
  const insist = {
    name: task.id,
    when: { ...when, after: "submit_result" },
    // biome-ignore lint/suspicious/noThenProperty: the script format's own word
    then: [{ delayMs: 300 }, done],
    usage,
  };
  return [...behaving(task, flags, { when, usage, done }), insist];
}

interface Common {
  readonly when: object;
  readonly usage: object;
  readonly done: object;
}

function behaving(task: ChaosTask, flags: string, { when, usage, done }: Common): readonly object[] {
  const rule = (turns: readonly (readonly object[])[]): object => ({ name: task.id, when, turns, usage });
  const seconds = (task.workMs / 1_000).toFixed(1);
  switch (task.behaviour) {
    case "answer":
      return [rule([[{ delayMs: task.workMs }, done]])];
    case "stream":
      return [rule([[{ tokens: 40, everyMs: Math.ceil(task.workMs / 40) }, done]])];
    case "tool":
      return [rule([[bash(`sleep ${seconds}; echo ${task.id}`)], [done]])];
    case "brood":
      return [rule([[bash(`${brood} sleep ${seconds}`)], [{ delayMs: 300 }, done]])];
    case "write":
      return [rule([[bash(`sleep ${seconds}; echo ${task.id} >> ${task.id}.txt`)], [done]])];
    case "suicide": {
      // In a file: what is plainly said to the shell would be refused.
      const once = `sh ${flags}/${lastDeed} ${task.id} $PPID`;
      return [rule([[bash(once)], [{ delayMs: task.workMs / 2 }, done]])];
    }
    case "refused": {
      const again = {
        ...when,
        prompt: `/# Your task: ${task.id}\\n[^]*# Attempt \\d+ of this task did not do/`,
      };
      return [
        { name: task.id, when: again, turns: [[done]], usage },
        rule([[{ delayMs: task.workMs / 2 }, { error: { status: 503, message: "not today" } }]]),
      ];
    }
  }
}
