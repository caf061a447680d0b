import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { complete } from "../actions/command-line.ts";
import { listSettings } from "../actions/config.ts";
import { listDefinitions } from "../actions/list.ts";
import { perform, performLine } from "../actions/perform.ts";
import type { RunHistory } from "../core/history.ts";
import type { RunStore } from "../core/ports.ts";
import { runProcesses } from "../engine/left-behind.ts";
import { localEngine } from "../engine/local-engine.ts";
import type { Machine } from "../host/checks.ts";
import type { Loaded, Project } from "../host/parts.ts";
import { systemClock } from "../lib/clock.ts";
import { agentDirectory, depthOf, type Environment, readEnvironment } from "../lib/environment.ts";
import { ownIdentity, probe } from "../lib/identity.ts";
import { projectRoot } from "../lib/project.ts";
import { createRedactor } from "../lib/redact.ts";
import { newRequestId, newRunId } from "../lib/run-id.ts";
import { loadCatalogue } from "../resources/catalogue.ts";
import { markedText, planText, readPlanText } from "../resources/plan-form.ts";
import { loadSettings, settingKeys } from "../resources/settings.ts";
import { openHistory } from "../store/history.ts";
import { openRunStore } from "../store/run-store.ts";
import { runReport } from "../ui/report/report.ts";
import { stateDirectory } from "./has-runs.ts";
import { launchRunner } from "./launch.ts";
import { entryFile, isBuildCurrent, packageRoot } from "./loading.ts";
import { type RunningHost, runningHost } from "./running-host.ts";

/** The house as one host process uses it: everything that has weight, wired in one place. */
export async function compose(): Promise<Loaded> {
  const environment = readEnvironment();
  const host = await runningHost(process.execPath, process.argv, environment);
  const redactor = createRedactor(environment);
  const agentDir = agentDirectory(environment, homedir());
  const projects = new Map<string, Promise<Project>>();

  async function openProject(cwd: string, trusted: boolean): Promise<Project> {
    const root = await projectRoot(cwd, homedir());
    const directory = stateDirectory(root, agentDir);
    const projectFile = join(directory, "config.json");
    const settingsFiles = {
      user: join(agentDir, "muster", "config.json"),
      ...(root !== undefined && (trusted ? { project: projectFile } : { untrusted: projectFile })),
    };
    const places = {
      builtin: packageRoot(),
      user: agentDir,
      ...(root !== undefined && trusted && { project: root }),
    };
    const store = openRunStore(directory);
    const engine = localEngine({
      store,
      clock: systemClock,
      newRunId: () => newRunId(systemClock.now()),
      recovers: async () => (await loadSettings(settingsFiles)).settings.recovery.auto,
      launch: async (runId) => {
        const { settings } = await loadSettings(settingsFiles);
        const { workersPerMachine } = settings;
        const orders = { runId, root: directory, agentDir, workersPerMachine, ...host.forRunner };
        await launchRunner(orders, host.runtime, environment);
      },
    });
    return {
      root,
      directory,
      settingsFiles,
      settings: async () => (await loadSettings(settingsFiles)).settings,
      places,
      engine,
      history: historyOf(store, redactor.redact),
      listSettings: () => listSettings(settingsFiles),
      listDefinitions: () => listDefinitions(places),
      names: async (kind) => [...(await loadCatalogue(places))[`${kind}s`].keys()],
      settingKeys: () => settingKeys().map(({ key }) => key),
    };
  }

  return {
    perform,
    performLine,
    complete,
    openProject(cwd, trusted) {
      const key = `${trusted} ${cwd}`;
      const known = projects.get(key) ?? openProject(cwd, trusted);
      projects.set(key, known);
      // What went wrong once is tried again when somebody asks again.
      known.catch(() => projects.delete(key));
      return known;
    },
    identity: ownIdentity,
    probe,
    redact: redactor.redact,
    planForm: { write: planText, read: readPlanText, mark: markedText },
    report: runReport,
    newId: newRequestId,
    machine: await machineOf(host, environment, agentDir),
  };
}

async function machineOf(host: RunningHost, environment: Environment, agentDir: string): Promise<Machine> {
  const { level, max } = depthOf(environment);
  const { settings } = await loadSettings({ user: join(agentDir, "muster", "config.json") });
  return {
    version: await ownVersion(),
    build: await buildOf(),
    depth: level,
    depthMax: max ?? settings.depthMax,
    piCommand: async () => [host.forRunner.pi.command, ...host.forRunner.pi.args],
  };
}

function historyOf(store: RunStore, redact: (text: string) => string): RunHistory {
  const processes = runProcesses(store.root, systemClock);
  return openHistory({ store, processes, clock: systemClock, redact, self: ownIdentity });
}

async function ownVersion(): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(packageRoot(), "package.json"), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest
    ? String(manifest.version)
    : "?";
}

async function buildOf(): Promise<"dist" | "src" | "stale"> {
  if (!entryFile("runner").viaJiti) return "dist";
  return (await isBuildCurrent(packageRoot())) ? "src" : "stale";
}
