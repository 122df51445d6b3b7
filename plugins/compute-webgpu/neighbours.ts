/** Positions of four neighbours that one thread computes: what stays beside each other is read as a vector. */

/** One of four neighbouring positions, of which the first is a multiple of four. */
interface Neighbour {
  /** The name of the first. */
  readonly first: string;
  /** Where the four lie, in vectors. */
  readonly at: string;
  readonly which: number;
}

export class Neighbours {
  readonly #all = new Map<string, Neighbour>();

  /** The positions of elements 4·at to 4·at + 3, whose first is called `first`. */
  of(first: string, at: string): ReadonlyArray<string> {
    return [0, 1, 2, 3].map((which) => {
      const flat = which === 0 ? first : `(${first} + ${which}u)`;
      this.#all.set(flat, { first, at, which });
      return flat;
    });
  }

  /** A position that follows from another: of four neighbours only the first is computed, where they stay neighbours or become one. */
  follow(
    flat: string,
    fours: "run" | "same" | undefined,
    compute: (flat: string) => string,
  ): string {
    const neighbour = this.#all.get(flat);
    if (neighbour === undefined || fours === undefined) return compute(flat);
    const first = compute(neighbour.first);
    if (fours === "same" || first === neighbour.first) return fours === "same" ? first : flat;
    return this.of(first, `${first} / 4u`)[neighbour.which]!;
  }

  /** What a position is one of, undefined for one that stands alone. */
  get(flat: string): Neighbour | undefined {
    return this.#all.get(flat);
  }
}
