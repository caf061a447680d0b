import type { Usage } from "../core/outcome.ts";

/** "↑12k ↓1.3k R40k W2k $0.012": what was counted, in the host's own spelling; nothing at all yields "". */
export function formatUsage(usage: Usage): string {
  const parts: string[] = [];
  if (usage.input > 0) parts.push(`↑${formatCount(usage.input)}`);
  if (usage.output > 0) parts.push(`↓${formatCount(usage.output)}`);
  if (usage.cacheRead > 0) parts.push(`R${formatCount(usage.cacheRead)}`);
  if (usage.cacheWrite > 0) parts.push(`W${formatCount(usage.cacheWrite)}`);
  if (usage.cost > 0) parts.push(formatCost(usage.cost));
  return parts.join(" ");
}

/** US dollars: three decimals below ten cents, two above. */
export function formatCost(dollars: number): string {
  return `$${dollars.toFixed(dollars < 0.1 ? 3 : 2)}`;
}

/** 950, 1.2k, 34k, 1.2M. */
export function formatCount(count: number): string {
  if (count < 1_000) return String(Math.round(count));
  if (count < 9_950) return `${(count / 1_000).toFixed(1)}k`;
  if (count < 999_500) return `${Math.round(count / 1_000)}k`;
  return `${(count / 1_000_000).toFixed(1)}M`;
}
