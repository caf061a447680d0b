import { homedir } from "node:os";
import { join } from "node:path";
import { agentDirectory, readEnvironment } from "../lib/environment.ts";
import { exists } from "../lib/files.ts";
import { projectRoot } from "../lib/project.ts";

/** Where the runs of a project lie: below its root, or where there is none, with the user's own files. */
export function stateDirectory(root: string | undefined, agentDir: string): string {
  return root === undefined ? join(agentDir, "muster") : join(root, ".muster");
}

/** True when somebody once started a run in this directory's project. Two looks at the disk: sessions without runs pay no more. */
export async function hasRuns(cwd: string): Promise<boolean> {
  const home = homedir();
  const directory = stateDirectory(await projectRoot(cwd, home), agentDirectory(readEnvironment(), home));
  return exists(join(directory, "runs"));
}
