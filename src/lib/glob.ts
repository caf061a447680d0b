/** Matches a glob in which `*` stands for any run of characters, those between path parts included. */
export function globPattern(glob: string): RegExp {
  const literal = glob.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${literal.join(".*")}$`, "s");
}
