/** The name somebody probably meant. */

/** Edits (insert, delete, replace, swap neighbours) that turn one text into the other. */
const editDistance = (a: string, b: string): number => {
  let before: Array<number> = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
          ? before[j - 2]! + 1
          : Infinity;
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, replaced, swapped));
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
};

/** Edits up to which a name counts as a slip of the other. */
const tolerance = (name: string): number => Math.max(1, Math.ceil(name.length / 3));

/** The closest of the names, whatever the case, or undefined when none is close. The first wins a tie. */
export const nearest = (name: string, names: Iterable<string>): string | undefined => {
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let least = tolerance(name) + 1;
  for (const candidate of names) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < least) {
      best = candidate;
      least = distance;
    }
  }
  return best;
};

/** What to do about an unknown name: the closest one, or all there are. */
export const nearestAdvice = (name: string, names: ReadonlyArray<string>): string => {
  const close = nearest(name, names);
  return close === undefined ? `choose one of ${names.join(", ")}` : `did you mean ${close}?`;
};
