import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { isBuildCurrent } from "../../../src/entry/loading.ts";

const repository = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** Once per test run: hosts, runners and workers under test start from a current dist/. */
export default async function setup(): Promise<void> {
  if (await isBuildCurrent(repository)) return;
  await promisify(execFile)(process.execPath, [join(repository, "scripts/build.mjs")], { cwd: repository });
}
