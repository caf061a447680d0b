import * as zlib from "node:zlib";

/** CRC-32 (IEEE, as in zlib and PNG) of the bytes, as an unsigned number. */
export function crc32(bytes: Uint8Array): number {
  // Node has it natively since 20.15 and 22.2.
  return typeof zlib.crc32 === "function" ? zlib.crc32(bytes) : crc32ByTable(bytes);
}

/** The same for older versions of Node. */
export function crc32ByTable(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0);
  return ~crc >>> 0;
}

const table = Int32Array.from({ length: 256 }, (_, index) => {
  let rest = index;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});
