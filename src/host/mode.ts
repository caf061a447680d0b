import type { ExtensionContext } from "@mariozechner/pi-coding-agent";

export type Mode = "tui" | "rpc" | "json" | "print";

/** How the host is used. 0.73.1 does not say: there a UI without a terminal is rpc, and json looks like print. */
export function modeOf(ctx: ExtensionContext): Mode {
  const told = "mode" in ctx ? ctx.mode : undefined;
  if (told === "tui" || told === "rpc" || told === "json" || told === "print") return told;
  if (!ctx.hasUI) return "print";
  return process.stdin.isTTY ? "tui" : "rpc";
}

/** True where the process lives on after a prompt, so that it can be woken. */
export function staysAlive(mode: Mode): boolean {
  return mode === "tui" || mode === "rpc";
}

/** True when the project's own files may be used. 0.73.1 has no such question: it uses them itself, unasked. */
export function isTrusted(ctx: ExtensionContext): boolean {
  const ask = "isProjectTrusted" in ctx ? ctx.isProjectTrusted : undefined;
  return typeof ask === "function" ? ask.call(ctx) === true : true;
}

/** True where a call is aborted before the host says that its session ends: then an abort may be an Esc or not. */
export function abortsFirst(ctx: ExtensionContext): boolean {
  // 0.74.2 neither does so nor has this question; 0.87.1 and 1.5.2 do and have.
  return "isProjectTrusted" in ctx;
}

/** True for what the host throws when a context outlived its session. */
export function isStale(error: unknown): boolean {
  return error instanceof Error && /\bstale\b/.test(error.message);
}
