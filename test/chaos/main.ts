import { execFile } from "node:child_process";
import { parseArgs, promisify } from "node:util";
import { planOf } from "./plan.ts";
import { playRound, type RoundOptions, type RoundReport } from "./round.ts";
import { playTwoHosts } from "./two-hosts.ts";
import { violationKinds } from "./violation.ts";

/** How a process is started that plays one round and prints its report: the program and its first arguments. */
export type Replay = readonly [string, ...string[]];

/**
 * The command line: `--rounds N` (20) from `--seed S` (1) on, `--parallel P` (2) at a time, `--patience F` (1) times every
 * bound, `--keep` the evidence of all; with `--two-hosts` the rounds are those of two sessions on one project. Prints a line for each broken promise and one table; resolves with the number of violations.
 */
export async function chaos(
  args: readonly string[],
  replay: Replay,
  print: (line: string) => void,
): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string" },
      seed: { type: "string" },
      parallel: { type: "string" },
      patience: { type: "string" },
      keep: { type: "boolean" },
      "two-hosts": { type: "boolean" },
      inside: { type: "boolean" },
    },
  });
  const first = Number(values.seed ?? 1);
  const count = Number(values.rounds ?? (values.seed === undefined ? 20 : 1));
  const parallel = Number(values.parallel ?? 2);
  const options = { patience: Number(values.patience ?? 1), keep: values.keep ?? false };
  if (
    ![first, count, parallel].every(Number.isInteger) ||
    count < 1 ||
    parallel < 1 ||
    !(options.patience > 0)
  )
    throw new Error("--rounds, --seed and --parallel take whole numbers, --patience a factor");
  if (values.inside) {
    print(JSON.stringify(await playRound(first, options)));
    return 0;
  }
  if (values["two-hosts"]) return twoHosts(first, count, options, print);
  const seeds = Array.from({ length: count }, (_, index) => first + index);
  // Whoever interrupts gets the table of what was played, and nothing is left behind.
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => seeds.splice(0));
  const reports: RoundReport[] = [];
  const work = async (): Promise<void> => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      const report = await playAnywhere(seed, options, replay);
      reports.push(report);
      print(
        `seed ${seed}: ${report.status} in ${(report.ms / 1_000).toFixed(1)} s (${Object.keys(report.faults).join(", ")})`,
      );
      for (const { kind, text } of report.violations) print(`seed ${seed}: ${violationKinds[kind]}: ${text}`);
      if (report.kept !== undefined) print(`seed ${seed}: evidence in ${report.kept}`);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  for (const line of tableOf(reports)) print(line);
  return reports.reduce((sum, { violations }) => sum + violations.length, 0);
}

async function twoHosts(
  seed: number,
  rounds: number,
  options: RoundOptions,
  print: (line: string) => void,
): Promise<number> {
  const report = await playTwoHosts(seed, rounds, options);
  const { calls, driversKilled, hostsKilled, runs, successors, answers, rejected, violations, kept } = report;
  for (const text of violations) print(`seed ${seed}: ${text}`);
  if (kept !== undefined) print(`seed ${seed}: evidence in ${kept}`);
  const rows = Object.entries(calls).map(
    ([action, { done, refused, lost }]) => `| ${action} | ${done} | ${refused} | ${lost} |`,
  );
  const total = [
    `| **rounds of two hosts** | **${rounds}** | | |`,
    `| runs; retried, rejected | ${runs}; ${successors}, ${rejected} | | |`,
    `| answers that count | ${answers} | | |`,
    `| drivers and hosts killed | ${driversKilled}, ${hostsKilled} | | |`,
  ];
  const last = `| **lost updates, duplicate numbers, foreign side effects** | **${violations.length}** | | |`;
  for (const line of [
    "| action | done | refused | host killed |",
    "| --- | ---: | ---: | ---: |",
    ...rows,
    ...total,
    last,
  ])
    print(line);
  return violations.length;
}

/** Plays a round here, or where its small disk can be mounted. */
export async function playAnywhere(
  seed: number,
  options: RoundOptions,
  replay: Replay,
): Promise<RoundReport> {
  if (!planOf(seed).hasSmallDisk) return playRound(seed, options);
  const [program, ...before] = replay;
  const keep = options.keep ? ["--keep"] : [];
  const round = ["--inside", "--seed", String(seed), "--patience", String(options.patience), ...keep];
  const failures: string[] = [];
  for (const flags of [["-m"], ["-r", "-m"]]) {
    try {
      await promisify(execFile)("unshare", [...flags, "true"]);
    } catch (error) {
      failures.push(String(error));
      continue;
    }
    const { stdout } = await promisify(execFile)("unshare", [...flags, program, ...before, ...round]);
    // Our own words, from the process above.
    return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as RoundReport;
  }
  throw new Error(
    `this machine grants no mount namespace for the small disk of seed ${seed}: ${failures.join("; ")}`,
  );
}

/** The table of many rounds, as Markdown. */
export function tableOf(reports: readonly RoundReport[]): readonly string[] {
  const sum = (of: (report: RoundReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  const most = (of: (report: RoundReport) => number): number => Math.max(...reports.map(of));
  const faults = new Map<string, number>();
  for (const report of reports)
    for (const [kind, count] of Object.entries(report.faults))
      faults.set(kind, (faults.get(kind) ?? 0) + count);
  const ended = (status: string): number => reports.filter((report) => report.status === status).length;
  const rows: readonly (readonly [string, string | number])[] = [
    [
      "rounds (tasks, attempts)",
      `${reports.length} (${sum(({ tasks }) => tasks)}, ${sum(({ attempts }) => attempts)})`,
    ],
    ["runs completed / cancelled / failed", ["completed", "cancelled", "failed"].map(ended).join(" / ")],
    ...[...faults].sort(([, a], [, b]) => b - a),
    ["faults that came too late", sum(({ missed }) => missed)],
    [
      "runs recovered by a new driver, parked runs resumed",
      `${sum(({ recoveries }) => recoveries)}, ${sum(({ resumes }) => resumes)}`,
    ],
    ["approvals given to runs that waited for them", sum(({ approvals }) => approvals)],
    ["slowest end of a process, s", (most(({ slowestEndMs }) => slowestEndMs) / 1_000).toFixed(1)],
    ["highest load of the machine", most(({ load }) => load).toFixed(1)],
    ["mean length of a round, s", (sum(({ ms }) => ms) / reports.length / 1_000).toFixed(1)],
    ...Object.entries(violationKinds).map(
      ([kind, name]) =>
        [
          `**${name}**`,
          `**${sum(({ violations }) => violations.filter((one) => one.kind === kind).length)}**`,
        ] as const,
    ),
  ];
  return ["| what | count |", "| --- | ---: |", ...rows.map(([name, value]) => `| ${name} | ${value} |`)];
}
