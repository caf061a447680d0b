import { readFile } from "node:fs/promises";

/**
 * User and system time of a process, ms to the kernel's hundredth of a second; by default with that of its ended
 * children and theirs, as far as each was waited for. NaN for a process that is gone, and where there is no /proc.
 */
export async function cpuMsOf(
  pid: number,
  what: "with its children" | "of its children" | "alone" = "with its children",
): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The command's name may hold spaces and parentheses, so fields are counted from the last `)`.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user, system, childrenUser, childrenSystem] = fields
    .slice(11, 15)
    .map((ticks) => Number(ticks) * 10);
  const own = (user ?? Number.NaN) + (system ?? Number.NaN);
  const children = (childrenUser ?? Number.NaN) + (childrenSystem ?? Number.NaN);
  if (what === "alone") return own;
  return what === "of its children" ? children : own + children;
}
