/** The known name that was probably meant, or nothing when none is near: at most a third of the letters differ. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const asked = name.slice(0, 80).toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(asked.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(asked, candidate.slice(0, 80).toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** A remedy that offers the nearest name first, and at most 20 of the others. */
export function chooseFrom(name: string, known: Iterable<string>): string {
  const names = [...known].sort();
  const near = nearest(name, names);
  const list = names.slice(0, 20).join(", ") + (names.length > 20 ? ", …" : "");
  if (near !== undefined) return `did you mean "${near}"? Known: ${list}`;
  return list === "" ? "none is defined yet" : `use one of: ${list}`;
}

/** Levenshtein's: letters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
