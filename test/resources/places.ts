import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export const packageRoot = fileURLToPath(new URL("../..", import.meta.url));

/** A fresh directory holding these files (by relative path), removed when the test ends. */
export async function directoryWith(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const root = await mkdtemp(path.join(tmpdir(), "muster-resources-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), content);
  }
  return root;
}

/** The real builtins, a user directory and a project, the latter two from files under `user/` and `project/`. */
export async function placesWith(files: Readonly<Record<string, string | Uint8Array>>) {
  const root = await directoryWith(files);
  return { builtin: packageRoot, user: path.join(root, "user"), project: path.join(root, "project") };
}

/** A file with this front matter and body. */
export function withFront(head: string, body = "You are it."): string {
  return `---\n${head}\n---\n${body}\n`;
}
