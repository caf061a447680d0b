import { createHash } from "node:crypto";

/** Hex SHA-256 of the text's UTF-8 bytes, or of the bytes as they are. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
