/**
 * Which values share storage. Every kernel's place in the schedule is known, so the life of every value is too: a value gets
 * the smallest free slot that holds it, and gives it back after the last kernel that reads it.
 */
import { bytesOf, type Schedule, type ValueId } from "./schedule.ts";

/** Where a value lives: in a slot of the workspace, or in a buffer that each run brings along. */
export type Place =
  | { readonly kind: "slot"; readonly slot: number }
  | { readonly kind: "input"; readonly input: number }
  | { readonly kind: "output"; readonly output: number }
  | { readonly kind: "constant"; readonly constant: number };

export interface Allocation {
  /** The place of every value; undefined where nothing reads or writes it. */
  readonly places: ReadonlyArray<Place | undefined>;
  /** Where in its place a value begins, in bytes. */
  readonly offsets: ReadonlyArray<number>;
  /** Bytes of each slot. */
  readonly slots: ReadonlyArray<number>;
  /**
   * Buffers that each run takes for outputs: value and bytes. Outputs that live in donated inputs, or are inputs or
   * constants themselves, have none.
   */
  readonly outputs: ReadonlyArray<{ readonly value: ValueId; readonly bytes: number }>;
}

/** The value in whose storage a value lives, and how many bytes after its begin. */
const homeOf = (
  { inPlace, windows }: Schedule,
  value: ValueId,
): { readonly home: ValueId; readonly offset: number } => {
  let home = value;
  let offset = 0;
  for (;;) {
    const window = windows.get(home);
    const next = window?.of ?? inPlace.get(home);
    if (next === undefined) return { home, offset };
    offset += window?.offset ?? 0;
    home = next;
  }
};

export const allocate = (schedule: Schedule): Allocation => {
  const { values, inputs, constants, kernels, outputs } = schedule;
  const found = values.map((_, value) => homeOf(schedule, value));
  const homes = found.map(({ home }) => home);
  const offsets = found.map(({ offset }) => offset);
  const places: Array<Place | undefined> = values.map(() => undefined);
  inputs.forEach(({ value }, input) => (places[value] = { kind: "input", input }));
  constants.forEach(({ value }, constant) => (places[value] = { kind: "constant", constant }));
  const taken: Array<{ value: ValueId; bytes: number }> = [];
  for (const { value } of outputs) {
    const home = homes[value]!;
    if (places[home] !== undefined) continue;
    places[home] = { kind: "output", output: taken.length };
    taken.push({ value: home, bytes: bytesOf(values[value]!) });
  }
  const lastUse = new Map<ValueId, number>();
  kernels.forEach(({ bindings }, position) => {
    for (const { value } of bindings) lastUse.set(homes[value]!, position);
  });
  const bytes = new Map<ValueId, number>();
  values.forEach((value, id) => {
    const home = homes[id]!;
    bytes.set(home, Math.max(bytes.get(home) ?? 0, offsets[id]! + bytesOf(value)));
  });
  const slots: Array<number> = [];
  const free = new Set<number>();
  const slotFor = (wanted: number): number => {
    let best: number | undefined;
    for (const slot of free) {
      const size = slots[slot]!;
      const closer =
        best === undefined ||
        (slots[best]! < wanted ? size > slots[best]! : size >= wanted && size < slots[best]!);
      if (closer) best = slot;
    }
    if (best === undefined) return slots.push(wanted) - 1;
    free.delete(best);
    // The largest of those that are too small grows: that costs least.
    slots[best] = Math.max(slots[best]!, wanted);
    return best;
  };
  kernels.forEach(({ bindings }, position) => {
    const homesHere = new Set(bindings.map(({ value }) => homes[value]!));
    for (const home of homesHere) {
      if (places[home] !== undefined) continue;
      places[home] = { kind: "slot", slot: slotFor(bytes.get(home)!) };
    }
    for (const home of homesHere) {
      const place = places[home]!;
      if (place.kind === "slot" && lastUse.get(home) === position) free.add(place.slot);
    }
  });
  values.forEach((_, value) => (places[value] = places[homes[value]!]));
  return { places, offsets, slots, outputs: taken };
};
