import { access, constants, readFile, stat } from "node:fs/promises";
import { errnoOf } from "../lib/files.ts";

/** Largest resource or settings file that is read. */
const fileMaxBytes = 256 * 1024;

export type TextFile =
  | { readonly text: string }
  | { readonly message: string; readonly remedy: string }
  /** There is none. */
  | undefined;

/**
 * The text of a small file that a person wrote (links are followed, as people keep such files elsewhere), or why it
 * cannot be read: unreadable is never the same as empty. Without a byte order mark.
 */
export async function readTextFile(file: string): Promise<TextFile> {
  let bytes: Buffer;
  try {
    // Looked at first: reading a pipe would never end.
    const found = await stat(file);
    if (!found.isFile())
      return { message: "this is not a regular file", remedy: "replace it by a text file, or remove it" };
    if (found.size > fileMaxBytes) {
      return { message: `the file has ${found.size} bytes`, remedy: `keep it under ${fileMaxBytes} bytes` };
    }
    bytes = await readFile(file);
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    return { message: `the file cannot be read (${code})`, remedy: "check that you may read it" };
  }
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { message: "the file is not UTF-8 text", remedy: "save it as UTF-8, or remove it" };
  }
}

/** True when something is there, links followed, and may be read. */
export async function canRead(file: string): Promise<boolean> {
  try {
    await access(file, constants.R_OK);
    return true;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}
