import type { Badge } from "../core/board.ts";
import type { LetterStatus } from "../core/mail.ts";
import type { Cause } from "../core/outcome.ts";
import type { RunStatus, TaskStatus } from "../core/status.ts";
import { countOf } from "../lib/wording.ts";

/** The name of a check, and what helps where it is not in order. */
export type Check = readonly [name: string, remedy: string];

/**
 * Every word that our screens show and the host says for us, in one place: a translation is another object of this shape.
 * A run's report is a document with words of its own, below. Names of commands and settings stay as they are. What a
 * model reads, too, stays where it is made, in its language: what actions answer and ask, notices that wake the lead, why
 * a run stands as it does (core/explain.ts), units (lib/wording.ts).
 */
export const words = {
  status: {
    ...{ queued: "queued", pending: "pending", running: "running", waiting: "waiting" },
    ...{ stopping: "stopping", retrying: "retrying", blocked: "blocked", completed: "completed" },
    ...{ failed: "failed", cancelled: "cancelled", skipped: "skipped" },
  } satisfies Record<RunStatus | TaskStatus, string>,
  team: "team",
  background: "background",
  /** The key is the host's own, where it is not bound anew. */
  more: (count: number, isFolded = false) => `+${count} more${isFolded ? " · ctrl+o" : ""}`,
  moreRuns: (count: number) => `+${countOf(count, "more run")} · /team`,
  files: (path: string) => `files: ${path}`,
  starting: "starting",
  needsYou: (what: string) => `needs you: ${what}`,
  asks: (task: string, text: string) => `${task} asks: ${text}`,
  approves: (task: string, text: string) => `${task} asks for approval: ${text}`,
  asker: (from: string) => (from === "muster" ? "the plan" : from),
  ago: (time: string) => `${time} ago`,
  answerBy: (runId: string) => `/team-respond … --run ${runId}`,
  resumeBy: (runId: string) => `/team-resume ${runId}`,
  runsLive: (count: number) => countOf(count, "run"),
  atWork: (count: number) => `${count} at work`,
  needYou: (count: number) => `${count} ${count === 1 ? "needs" : "need"} you`,
  lost: "lost",
  nothingYet: "nothing yet",
  searching: (text: string) => `searching "${text}" · n next, N previous`,
  notFound: (text: string) => `no "${text}" in what is loaded`,
  title: "Team runs",
  panes: {
    ...{ tasks: "Tasks", timeline: "Timeline", worker: "Worker", mail: "Mail", changes: "Changes" },
    ...{ cost: "Cost", health: "Health", events: "Events" },
  },
  runs: {
    title: (all: number, live: number) => `${all} here, ${live} live`,
    none: "There is no run here yet. /team-run <goal> starts one.",
    noMatch: "No run matches. esc shows all.",
    reading: "reading …",
    queued: "It waits for its driver.",
  },
  tasks: {
    critical: (count: number) => `» critical path: ${countOf(count, "task")}`,
    attempts: (count: number) => countOf(count, "attempt"),
    reused: (run: string) => `done in ${run}`,
  },
  preview: {
    plan: (revision: number, tasks: number, workers: number) =>
      `plan, revision ${revision}: ${countOf(tasks, "task")}, at most ${workers} at once; nothing has started`,
    about: (time: string, usage: string, tasks: number, runs: number) =>
      `about ${[time, usage].filter(Boolean).join(", ")}, as ${countOf(tasks, "task")} of ${countOf(runs, "earlier run")} took`,
    unknown: (agents: readonly string[]) =>
      `no earlier run of this kind tells what it takes (none by ${agents.join(", ")})`,
    gate: "gate",
    gated: "its result waits for approval",
    after: (ids: string) => `after ${ids}`,
    readsOnly: "writes no project file",
    writes: (globs: string) => `writes ${globs === "**" ? "anything" : globs}`,
    leaves: (file: string) => `leaves ${file}`,
    atMost: (time: string) => `at most ${time}`,
    waits: (run: string) =>
      `The plan of run ${run} waits for approval. /team-dashboard ${run} shows it: y approves, n rejects, e edits it.`,
    edit: "edit the plan",
    unchanged: "the plan stays as it is",
    again: "save it again",
    problems: (count: number) => `Not saved: ${countOf(count, "problem")}, with lines at the top of the text`,
    title: (run: string) =>
      `Plan of run ${run}. enter saves; a new line: shift+enter, or \\ and enter; esc drops what was typed`,
  },
  worker: {
    noTask: "This run has no tasks.",
    notStarted: "It was not started yet.",
    nothing: "Nothing was said yet.",
    attempt: (number: number, of: number) => (of > 1 ? `attempt ${number} of ${of}` : ""),
    older: "there is more above: up reads on",
    following: "following",
  },
  transcript: {
    ...{ told: "told", says: "says", thinks: "thinks", cut: "… v shows all" },
    ...{ pending: "no result yet", before: "called above what was read" },
    left: (lines: number, isTail: boolean) =>
      `… ${countOf(lines, isTail ? "earlier line" : "more line")}, v shows all`,
  },
  mail: {
    none: "Nobody has written in this run.",
    kind: (kind: string) => kind,
    status: {
      ...{ produced: "on its way", offered: "delivered", consumed: "read by", answered: "answered by" },
      ...{ expired: "expired", withdrawn: "withdrawn" },
    } satisfies Record<LetterStatus, string>,
    decided: "decided",
    by: (isOwn: boolean) => (isOwn ? "from its own session" : "from another session"),
    options: (list: string) => `options: ${list}`,
    fallback: (text: string) => `default: ${text}`,
    deadline: (left: string) => `answer within ${left}`,
    howAnswer: "enter answers",
    howOpen: "enter opens the run, and then this can be answered",
    howApprove: "y approves · n rejects with a reason",
  },
  changes: {
    ...{ none: "No task has left anything behind yet.", submitted: "submitted" },
    ...{ unstructured: "unstructured: its final text was taken", claim: "claims:" },
    tally: (files: number, added: number, removed: number) =>
      files === 0 ? "no file" : `${countOf(files, "file")} +${added} -${removed}`,
    shown: "as its tools showed it, not as git would tell it",
    unseen: (shells: number, others: number) => {
      const calls = [
        shells > 0 ? countOf(shells, "shell command") : "",
        others > 0 ? `${countOf(others, "call")} of other tools` : "",
      ].filter(Boolean);
      return calls.length === 0 ? "" : `${calls.join(" and ")} ran; what that changed is not seen here`;
    },
    partial: "a part of the transcript is left out, and what was changed in it",
    ...{ whole: "written whole; what was there before was not shown", again: "then edited:" },
    left: (lines: number) => `… ${countOf(lines, "more line")}`,
  },
  cost: {
    ...{ whole: "whole run", nothing: "nothing counted yet", byRole: "by role", byModel: "by model" },
    ...{ budgets: "budgets of one attempt", defaultModel: "default" },
  },
  health: {
    ...{ run: "run", driverName: "driver" },
    driver: { alive: "at work", gone: "is gone", indeterminate: "not known", none: "none yet" },
    over: "none: the run is over",
    process: (pid: number, epoch: number) => `(pid ${pid}, epoch ${epoch})`,
    ...{ owner: "owner", workers: "workers", clock: "wall clock", recoveries: "recoveries", left: "left" },
    unknown: "not known",
    about: (time: string, cost: string, tasks: number) =>
      `about ${time}, ${cost} (from ${countOf(tasks, "task")} of earlier runs)`,
    journal: "journal",
    records: (count: number) => countOf(count, "record"),
    ...{ silent: "silent", nobody: "nobody", files: "files" },
  },
  browser: {
    settings: "Settings",
    definitions: "Agents, teams and workflows",
    counts: (all: number, own: number) => `${own} of ${all} your own`,
    problems: (count: number) => `${countOf(count, "problem")}: ! shows`,
    filtered: (text: string) => `filter "${text}"`,
    writes: (scope: string, file: string) => `writes ${scope}: ${file}`,
    noMatch: "Nothing matches. esc shows all.",
    usually: (value: string) => `default ${value}`,
    accepts: (type: string) => `Accepts ${type}.`,
    broken: "It cannot be used.",
    shadows: (file: string) => `stands in for ${file}`,
    unset: (key: string, scope: string) => `Take ${key} out of the ${scope} settings?`,
  },
  badge: {
    ...{ unreadable: "cannot be read", "needs you": "needs you", "no driver": "no driver" },
    ...{ hindered: "something in its way", silent: "a worker is silent", retrying: "tries again" },
    ...{ "task failed": "a task failed", "taken over": "taken up again", "goes on": "a retry" },
    foreign: "of session",
  } satisfies Record<Badge, string>,
  /** Where nobody wrote down more. */
  cause: {
    ...{ owner_gone: "its session has ended", timeout: "its time was over", stuck: "a worker was stuck" },
    ...{ budget_limit: "its budget was used up", turn_limit: "its turns were used up" },
    ...{
      lost: "a worker was lost",
      hollow: "a worker left no result",
      self_exit: "a worker ended too early",
    },
    ...{
      recovery_limit: "too many drivers were lost",
      disk_full: "its disk is full",
      spawn_error: "no worker starts",
    },
    ...{ read_only: "its disk takes no writes", dependency_failed: "what it needs did not complete" },
  } satisfies Partial<Record<Cause, string>>,
  box: {
    filter: "filter",
    search: "search",
    command: "/team-",
    steer: (task: string) => `tell ${task}`,
    send: "write to",
    respond: (task: string) => `answer ${task}`,
    reject: (task: string) => `reject ${task}, because`,
    proposals: "↑↓ proposals",
    how: "enter sends · esc leaves",
  },
  confirm: {
    cancel: (run: string) => `Cancel run ${run} and end its processes?`,
    forget: (run: string) => `Remove run ${run} and its files for good?`,
    command: (line: string) => `Really ${line}?`,
    how: "y yes · any other key no",
  },
  atWorkOn: (action: string) => `${action} …`,
  copied: (path: string) => `copied, if your terminal can: ${path}`,
  page: "up and down scroll, other keys close it",
  answerPage: "! shows all of it",
  recordLeft: (directory: string) => `… the journal has all of it: ${directory}/journal`,
  /** Lines of the host that nothing of ours is drawn around. */
  said: {
    failed: (what: string) => `team: ${what}`,
    notDrawn: (why: string) => `team: this cannot be drawn: ${why}`,
    dialogOpen: "team: a dialog is open already",
    tookOver: (run: string) => `team: run ${run} belongs to another session now: it was resumed there`,
    notFollowed: (run: string, why: string) => `team: run ${run} cannot be followed: ${why}`,
    removed: (run: string) =>
      `team: run ${run} is not here any more; /team-status ${run} tells who removed it`,
    asked: (from: string, run: string, isApproval: boolean, text: string) =>
      `team: ${from === "muster" ? "the plan" : `task ${from}`} of run ${run} ${isApproval ? "waits for approval" : "asks"}: ${text}`,
    answerBy: (run: string, letter: string, key: string) =>
      `Answer: /team-respond --run ${run} --name ${letter} …; without more words, or by ${key}, in a dialog`,
    progress: (run: string, status: string, done: number, all: number, alive: number, time: string) =>
      `Run ${run} ${status}: ${done} of ${countOf(all, "task")} completed, ${alive} at work, ${time}`,
    anotherExtension: "another extension",
    clash: (tool: string, owner: string) =>
      `pi-muster: the tool "${tool}" belongs to ${owner}, which was loaded first, so the model cannot call ours. Remove one of the two packages (pi remove <package>) and /reload; the /team-… commands work meanwhile.`,
  },
  commands: {
    tool: "Team",
    answer: "answer what a team asks",
    look: "look at the team's runs",
    any: "the dashboard, or an action: /team <action>",
    unknown: (name: string, names: string, line: string) =>
      `there is no /team ${name}; there are ${names}. For a goal: /team-run ${line}`,
    needsPerson: (name: string) => `/team-${name} needs a person; /team-inbox tells the same`,
    takesRun: (name: string) => `/team-${name} takes a run's id, or nothing`,
    atWork: (name: string) => `/team-${name} is at work; its answer appears here`,
  },
  dialog: {
    ...{ ownAnswer: "Write an answer…", newLetter: "Write a message…", back: "Back" },
    ...{ answer: "answer", reason: "reason", message: "message" },
    several: "Several wait for an answer:",
    nobodyWaits: "team: nobody waits for an answer here",
    noRun: "team: there is no run here",
    whose: "Whose mail?",
    run: (run: string, letters: number, goal: string) => `${run}, ${countOf(letters, "letter")}: ${goal}`,
    nobodyWrote: (run: string) => `team: nobody wrote in run ${run}, and it is over`,
    mailOf: (run: string, status: string) => `Mail of run ${run} (${status})`,
    writeTo: (name: string) => `Write to ${name}…`,
    toWhom: "To whom?",
    to: (name: string, run: string) => `To ${name} of run ${run}`,
    waitsNoMore: (who: string, run: string, how: string) =>
      `team: ${who} of run ${run} waits no more: ${how}`,
    taskOver: "its task is over",
    answered: (who: string, text: string) => `${who} answered: ${text}`,
    about: (run: string, goal: string) => `Run ${run}: ${goal}`,
    more: (count: number) => `… ${count} more`,
  },
  /** What /team-doctor looks at: the name of each check and what helps, and what it found. */
  doctor: {
    node: ["node", "install Node 20.6 or newer"],
    pi: ["pi for workers", "set PI_MUSTER_PI_BIN to the pi that workers are to use"],
    build: ["pi-muster", "npm run build, then /reload"],
    git: ["git", "install git, and git init with a first commit: without it changes cannot be told apart"],
    identity: ["git identity", "git config --global user.email you@example.org (and user.name)"],
    project: ["project", "trust the project in the host if you know who wrote it"],
    directory: (path: string): Check => ["state directory", `make ${path} writable`],
    disk: (path: string): Check => ["disk", `free some space on the disk of ${path}`],
    model: ["model", "choose one with /model, and log in or set its key (/login)"],
    processes: ["process table", "without /proc no worker can be verified gone: look for them after a crash"],
    tool: ["tool name", "remove one of the two packages (pi remove <package>) and /reload"],
    depth: ["depth", "runs cannot be nested deeper; raise depthMax if that is wanted"],
    exitCode: (code: number) => `exit code ${code}`,
    from: { dist: "prebuilt", src: "from its sources", stale: "from its sources; dist/ is older" },
    ...{ none: "none", notFound: "not found", noModel: "none is chosen", procRead: "/proc can be read" },
    notTrusted: (root: string) => `${root}; not trusted, its own definitions and settings are not used`,
    free: (mebibytes: number) => `${mebibytes} MiB free`,
    noKey: (model: string) => `${model} has no key or login`,
    owner: (owner: string | undefined) => (owner === undefined ? "team is ours" : `team belongs to ${owner}`),
    of: (count: number, most: number) => `${count} of ${most}`,
    noRepository: (version: string) => `${version}; no repository here`,
    repository: (version: string, head: string | undefined, changes: number) =>
      `${version}; ${head === undefined ? "no commit yet" : `HEAD ${head}`}, ${countOf(changes, "uncommitted change")}`,
    noProc: (platform: string) =>
      `${platform}: processes that leave their group are found as far as the system lets us`,
  },
  keys: {
    ...{ title: "Keys", edit: "edit", task: "its whole task", show: "show it" },
    ...{ facts: "all about it", unset: "unset", scope: "user or project" },
    ...{ problems: "what is wrong", approve: "approve", reject: "reject", answer: "answer" },
    ...{ open: "open", whole: "read all of it", watch: "its worker", up: "up", down: "down" },
    ...{ pageUp: "a page up", pageDown: "a page down", home: "to the beginning" },
    ...{ end: "to the end", nextPane: "next pane", nextColumn: "next column" },
    ...{ previousColumn: "previous column", board: "board or list", previousPane: "previous pane" },
    ...{ paneByNumber: "pane of this number", nextTask: "next task" },
    ...{ previousTask: "previous task", attempt: "earlier attempt", follow: "follow", raw: "raw" },
    ...{ nextMatch: "next match", previousMatch: "previous match", filter: "filter" },
    ...{ search: "search", steer: "steer", message: "write to a task, a role or all" },
    ...{ cancel: "cancel", resume: "resume", retry: "retry", forget: "remove the run" },
    ...{ copy: "copy the path of its files", alone: "this pane alone" },
    ...{ command: "any /team- command", help: "keys", lastAnswer: "the last answer", back: "back" },
    ...{ close: "close" },
  },
} as const;

/** Every word of a run's report, apart from those that it shares with the screens. */
export const reportWords = {
  language: "en",
  kicker: "pi-muster · run report",
  ...{ skip: "To the tasks", parts: "Parts of this report" },
  written: (at: string, record: number) =>
    `Written by pi-muster at ${at}, as the run stood at record ${record}. Results are what agents claim.`,
  sections: {
    ...{ graph: "Task graph", timeline: "Timeline", cost: "Cost and tokens", tasks: "Tasks", mail: "Mail" },
    ...{ artifacts: "Artifacts", health: "Health", journal: "Journal" },
  },
  /** Names of facts. */
  facts: {
    ...{ took: "Took", cost: "Cost", tokens: "Tokens", began: "Began", ended: "Ended", team: "Team" },
    ...{ workflow: "Workflow", continues: "Goes on with", run: "Run", agent: "Agent", model: "Model" },
    ...{ beganUtc: "Began (UTC)", usage: "Usage", after: "After", reused: "Reused from", driver: "Driver" },
    ...{ drivers: "Drivers so far", alive: "Workers alive", lost: "Attempts lost" },
    ...{ escalated: "Steps against silence", refused: "Refused requests", denied: "Calls denied" },
    ...{ workersMax: "Workers at most", longest: "Longest run", askedBy: "Asked by", cwd: "Works in" },
  },
  utc: (instant: string) => `${instant} UTC`,
  countsOf: (counts: string, tasks: string) => `${counts} of ${tasks}`,
  ...{ wholeGoal: "The whole goal", uncounted: "none counted", notYet: "not yet", nothing: "nothing" },
  ...{ waits: "waits for an answer", claims: "claims:" },
  inSession: (kind: string, session: string) => `${kind} in session ${session}`,
  ...{ prompt: "What it was asked", claim: "Claim", claimBy: "by the agent; the engine verified none of it" },
  ...{ recorded: "Recorded", recordedBy: "by the engine", cut: ", cut" },
  claimOf: (task: string) => `Claim of ${task}`,
  result: (size: string, form: string, hash: string) => `; result of ${size}, ${form}, sha256 ${hash}`,
  denied: (calls: string) => `; ${calls} denied`,
  attemptsOf: (task: string) => `Attempts of ${task}`,
  attempts: ["attempt", "model", "began (UTC), took", "what became of it", "usage"],
  changesOf: (attempt: number) => `Changes of attempt ${attempt}`,
  transcriptOf: (attempt: number) => `Transcript of attempt ${attempt}`,
  entries: (count: number) => (count === 1 ? "1 entry" : `${count} entries`),
  more: (count: number) => `And ${count} more.`,
  left: (characters: number) => `… ${countOf(characters, "character")} more`,
  speakers: {
    ...{ prompt: "To the agent", said: "Agent", thought: "Agent, to itself", call: "Tool" },
    ...{ result: "Result", note: "Note" },
  },
  ...{ failed: " · failed", noResult: " · no result" },
  by: (who: string) => `by ${who}`,
  to: (letter: string) => `to ${letter}`,
  proposes: (options: string) => `proposes ${options}`,
  otherwise: (text: string) => `otherwise "${text}"`,
  ...{
    nobodyWrote: "Nobody wrote anything.",
    noFile: "No task left a file.",
    allFiles: "All files of the run:",
  },
  artifacts: ["file", "task", "bytes", "sha256", "in artifacts/"],
  newest: (count: number, records: string) => `The newest ${count} of ${records}`,
  records: ["record", "at (UTC)", "type", "what"],
  ...{ noTask: "It has no task.", noAttempt: "No attempt has begun." },
  graph: (tasks: number) => `${countOf(tasks, "task")} and what each depends on`,
  moreTasks: (count: number) => `And ${countOf(count, "more task")}, listed below.`,
  timeline: "When each attempt worked",
  stoodStill: (time: string) => `the run stood still for ${time}`,
  attempt: (task: string, attempt: number) => `${task}, attempt ${attempt}`,
  waited: (time: string) => `waited ${time} for an answer`,
  later: (attempts: number) => `And ${countOf(attempts, "later attempt")}.`,
  ...{ hollow: "Hollow: waits for an answer.", shaded: "Shaded: the run stood still." },
  hostModel: "the host's own model",
  byRole: ["By role", "Tokens and cost by role, in numbers below", "Usage by role", "role"],
  byModel: ["By model", "Tokens and cost by model, in numbers below", "Usage by model", "model"],
  inNumbers: "In numbers",
  tokens: (count: string) => `${count} tokens`,
  usage: { input: "in", cacheRead: "read from cache", cacheWrite: "written to cache", output: "out" },
  ...{ attemptsName: "attempts", turns: "turns", cost: "cost" },
} as const;
