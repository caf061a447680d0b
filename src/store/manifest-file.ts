import type { Manifest } from "../core/ports.ts";
import { errnoOf, readIfExists, writeAtomic } from "../lib/files.ts";
import { onDisk } from "./disk.ts";

const manifestMaxBytes = 64 * 1024 * 1024;

/** Replaces the manifest as a whole. Not synced: it can be rebuilt from the journal. */
export async function writeManifestFile(path: string, manifest: Manifest): Promise<void> {
  await onDisk("write", path, () => writeAtomic(path, manifestText(manifest), { durable: false }));
}

/** The content of a manifest's file. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(manifest)}\n`;
}

/** Undefined when there is none; `"unreadable"` for everything that is not this run's manifest. */
export async function readManifestFile(
  path: string,
  runId: string,
): Promise<Manifest | "unreadable" | undefined> {
  try {
    const text = await readIfExists(path, manifestMaxBytes);
    if (text === undefined) return undefined;
    const value: unknown = JSON.parse(text);
    return isManifest(value) && value.runId === runId ? value : "unreadable";
  } catch (error) {
    if (errnoOf(error) === undefined && !(error instanceof SyntaxError)) throw error;
    return "unreadable";
  }
}

type FieldType = "string" | "number" | "boolean" | "object";
const fields: Readonly<Partial<Record<keyof Manifest, FieldType>>> = {
  schemaVersion: "number",
  seq: "number",
  runId: "string",
  goal: "string",
  status: "string",
  cwd: "string",
  createdAt: "string",
  updatedAt: "string",
  background: "boolean",
  owner: "object",
  origin: "object",
  usage: "object",
};

/** A newer version adds fields and keeps these. */
function isManifest(value: unknown): value is Manifest {
  if (typeof value !== "object" || value === null) return false;
  const found = new Map(Object.entries(value));
  const has = ([name, type]: [string, FieldType]): boolean =>
    typeof found.get(name) === type && found.get(name) !== null;
  const tasks: unknown = found.get("tasks");
  const texts: readonly (keyof Manifest)[] = ["cause", "reason", "finishedAt"];
  const areTexts = texts.every((name) => !found.has(name) || typeof found.get(name) === "string");
  return Object.entries(fields).every(has) && areTexts && Array.isArray(tasks) && tasks.every(isTask);
}

function isTask(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (!("id" in value && "status" in value && "dependsOn" in value)) return false;
  const said = [value.id, value.status, "cause" in value ? value.cause : ""];
  return said.every((text) => typeof text === "string") && Array.isArray(value.dependsOn);
}
