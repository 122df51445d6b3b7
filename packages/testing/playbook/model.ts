/** A playbook so plain that its rules can be read off: what stores are compared with. Sections are lists, nothing is shared. */
import type { Cause, ConciseRule, Entry, Operation, Origin, Removal, Tag, View } from "@resd/core";

/** A spelling of a section, where it leads, and the slug of ids made there. */
export interface SectionName {
  readonly spelling: string;
  readonly rank: number;
  readonly section: string;
  readonly slug: string;
  readonly atTop?: boolean;
}

/** Seven lists, in the order of the sections; the names by which proposals may call them. */
const LISTS = 7;
export const SECTION_NAMES: ReadonlyArray<SectionName> = [
  { spelling: "STRATEGIES & INSIGHTS", rank: 0, section: "STRATEGIES & INSIGHTS", slug: "sai" },
  {
    spelling: "formulas_and_calculations",
    rank: 1,
    section: "FORMULAS & CALCULATIONS",
    slug: "calc",
  },
  {
    spelling: "Common Mistakes To Avoid",
    rank: 3,
    section: "COMMON MISTAKES TO AVOID",
    slug: "err",
  },
  {
    spelling: "PROBLEM-SOLVING HEURISTICS",
    rank: 4,
    section: "PROBLEM-SOLVING HEURISTICS",
    slug: "ph",
  },
  { spelling: "others", rank: 6, section: "OTHERS", slug: "misc" },
  { spelling: "no section of ours", rank: 6, section: "OTHERS", slug: "misc" },
  { spelling: "general", rank: 6, section: "OTHERS", slug: "gene", atTop: true },
];

type Writable = { -readonly [Key in keyof Entry]: Entry[Key] };
/** Where a wording comes from, but for the version, which stores count as they like. */
type Made = Omit<Origin, "version">;

export class PlaybookModel {
  lists: Array<Array<Writable>> = Array.from({ length: LISTS }, () => []);
  made = new Map<string, ReadonlyArray<Made>>();
  next = 1;
  updateCount = 0;

  get entries(): ReadonlyArray<Entry> {
    return this.lists.flat();
  }

  /** The same playbook again, for a snapshot. */
  copy(): PlaybookModel {
    const copy = new PlaybookModel();
    copy.lists = this.lists.map((list) => list.map((entry) => ({ ...entry })));
    copy.made = new Map(this.made);
    copy.next = this.next;
    copy.updateCount = this.updateCount;
    return copy;
  }

  #drop(id: string): void {
    for (const list of this.lists) {
      const at = list.findIndex((entry) => entry.id === id);
      if (at !== -1) list.splice(at, 1);
    }
    this.made.delete(id);
  }

  #find(id: string): Writable | undefined {
    for (const list of this.lists) {
      const found = list.find((entry) => entry.id === id);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #note(id: string, made: Made["made"], cause: Cause, operation: number): void {
    const before = this.made.get(id) ?? [];
    this.made.set(id, [...before, { entry: id, made, ...cause, operation }]);
  }

  #place(
    name: SectionName,
    parts: Pick<Entry, "id" | "text" | "helpful" | "harmful">,
    at?: number,
  ): void {
    const now = this.updateCount;
    const entry = { ...parts, section: name.section, createdAt: now, lastTaggedAt: now };
    const list = this.lists[name.rank] ?? [];
    list.splice(at ?? list.length, 0, entry);
  }

  #newId(slug: string): string {
    return `${slug}-${`0000${this.next++}`.slice(-5)}`;
  }

  apply(operations: ReadonlyArray<Operation>, cause: Cause): void {
    let general = 0;
    for (const [i, operation] of operations.entries()) {
      if (operation._tag === "Add") {
        const text = operation.text.trim();
        const name = SECTION_NAMES.find(({ spelling }) => spelling === operation.section);
        if (text === "" || name === undefined) continue;
        const id = this.#newId(name.slug);
        const at = name.atTop ? general++ : undefined;
        this.#place(name, { id, text, helpful: 0, harmful: 0 }, at);
        this.#note(id, "added", cause, i);
      } else if (operation._tag === "Import") {
        const usable = operation.entries.filter(({ text }) => text.trim() !== "");
        const numbers = usable.map(({ id }) => Number(/-(\d{5})$/.exec(id)?.[1] ?? 0));
        const kept = numbers.map((n, at) => n >= this.next && numbers.indexOf(n) === at);
        this.next = Math.max(this.next, ...numbers.filter((_, at) => kept[at]).map((n) => n + 1));
        for (const [at, entry] of usable.entries()) {
          const name = SECTION_NAMES.find(({ spelling }) => spelling === entry.section);
          if (name === undefined) continue;
          const { helpful, harmful } = entry;
          const id = kept[at] ? entry.id : this.#newId(name.slug);
          this.#place(name, { id, text: entry.text.trim(), helpful, harmful });
          this.#note(id, "imported", cause, i);
        }
      } else if (operation._tag === "Delete") {
        this.#drop(operation.entry);
      } else if (operation._tag === "Update") {
        const entry = this.#find(operation.entry);
        const text = operation.text.trim();
        if (entry === undefined || text === "" || entry.text === text) continue;
        entry.text = text;
        this.#note(entry.id, "updated", cause, i);
      } else {
        const found = [...new Set(operation.entries)].flatMap((id) => this.#find(id) ?? []);
        const [kept, ...others] = found;
        const text = operation.text.trim();
        if (kept === undefined || text === "") continue;
        if (others.length === 0 && kept.text === text) continue;
        kept.text = text;
        for (const other of others) {
          kept.helpful += other.helpful;
          kept.harmful += other.harmful;
          kept.lastTaggedAt = Math.max(kept.lastTaggedAt, other.lastTaggedAt);
          const theirs = this.made.get(other.id) ?? [];
          this.made.set(kept.id, [...(this.made.get(kept.id) ?? []), ...theirs]);
          this.#drop(other.id);
        }
        this.#note(kept.id, "merged", cause, i);
      }
    }
  }

  tag(tags: ReadonlyArray<Tag>): void {
    for (const [i, { entry: id, sign }] of tags.entries()) {
      if (tags.slice(i + 1).some((later) => later.entry === id)) continue;
      const entry = this.#find(id);
      if (entry === undefined || sign === "neutral") continue;
      entry[sign]++;
      entry.lastTaggedAt = this.updateCount;
    }
  }

  /**
   * Whether removals are what the rule demands, and then removes them; a sentence about what is wrong otherwise. Ties
   * leave a choice, so they are checked and not predicted.
   */
  concise(rule: ConciseRule, removals: ReadonlyArray<Removal>): string | undefined {
    const demanded = new Map<string, Removal["reason"]>();
    for (const entry of this.entries) {
      const tagged = entry.helpful + entry.harmful > 0;
      if (rule.method === "reset") demanded.set(entry.id, "reset");
      else if (tagged && entry.harmful >= entry.helpful) demanded.set(entry.id, "harmful");
      else if (!tagged && rule.method === "prioritized") demanded.set(entry.id, "unused");
      else if (!tagged && this.updateCount - entry.lastTaggedAt > rule.window) {
        demanded.set(entry.id, "stale");
      }
    }
    const left = this.entries.filter((entry) => !demanded.has(entry.id));
    const excess = Math.max(0, left.length - (rule.cap ?? left.length));
    const capped = removals.filter(({ reason }) => reason === "cap").map(({ entry }) => entry.id);
    const others = removals.filter(({ reason }) => reason !== "cap");
    if (others.length !== demanded.size)
      return `${demanded.size} removals besides those of the cap`;
    for (const { entry, reason } of others) {
      if (demanded.get(entry.id) !== reason) {
        return `${entry.id} to leave as ${demanded.get(entry.id) ?? "no removal"}`;
      }
    }
    if (capped.length !== excess || new Set(capped).size !== excess)
      return `${excess} removals by the cap`;
    const stays = left.filter((entry) => !capped.includes(entry.id));
    if (stays.length !== left.length - excess) return "the cap to take entries that are there";
    if (rule.method === "staleness") {
      const oldestKept = Math.min(...stays.map((entry) => entry.lastTaggedAt));
      if (left.some((entry) => capped.includes(entry.id) && entry.lastTaggedAt > oldestKept)) {
        return "the least recently tagged to leave by the cap";
      }
    }
    for (const { entry } of removals) this.#drop(entry.id);
    return undefined;
  }

  /** Everything of a view but its version, as one text. */
  get reading(): string {
    return readingOf(this.updateCount, this.entries, (entry) => this.made.get(entry.id) ?? []);
  }
}

const readingOf = (
  updateCount: number,
  entries: ReadonlyArray<Entry>,
  madeOf: (entry: Entry) => ReadonlyArray<Made>,
): string => {
  let text = `updateCount ${updateCount}`;
  for (const entry of entries) {
    text += `\n${entry.id} [${entry.section}] ${entry.text} +${entry.helpful} -${entry.harmful} @${entry.createdAt}/${entry.lastTaggedAt}`;
    for (const { entry: id, made, attempt, reflection, update, by, operation } of madeOf(entry)) {
      text += ` | ${id} ${made} by ${by} at ${update}.${operation} ${attempt ?? "-"} ${reflection ?? "-"}`;
    }
  }
  return text;
};

/** What two playbooks have to have in common, origins included, in a form to compare and to show. */
export const reading = (view: Omit<View, "version">): string =>
  readingOf(view.updateCount, view.entries, (entry) => entry.origins ?? []);
