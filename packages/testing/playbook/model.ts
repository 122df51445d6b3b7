/** A playbook so plain that its rules can be read off: what stores are compared with. Sections are lists, nothing is shared. */
import type { ConciseRule, Entry, Operation, Removal, Tag, View } from "@resd/core";

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

export class PlaybookModel {
  readonly lists: Array<Array<Writable>> = Array.from({ length: LISTS }, () => []);
  next = 1;
  updateCount = 0;

  get entries(): ReadonlyArray<Entry> {
    return this.lists.flat();
  }

  #drop(id: string): void {
    for (const list of this.lists) {
      const at = list.findIndex((entry) => entry.id === id);
      if (at !== -1) list.splice(at, 1);
    }
  }

  #find(id: string): Writable | undefined {
    return this.lists.flat().find((entry) => entry.id === id);
  }

  apply(operations: ReadonlyArray<Operation>): void {
    let general = 0;
    for (const operation of operations) {
      if (operation._tag === "Add") {
        const text = operation.text.trim();
        const name = SECTION_NAMES.find(({ spelling }) => spelling === operation.section);
        if (text === "" || name === undefined) continue;
        const list = this.lists[name.rank] ?? [];
        const id = `${name.slug}-${`0000${this.next++}`.slice(-5)}`;
        const now = this.updateCount;
        const entry = {
          id,
          section: name.section,
          text,
          helpful: 0,
          harmful: 0,
          createdAt: now,
          lastTaggedAt: now,
        };
        if (name.atTop) list.splice(general++, 0, entry);
        else list.push(entry);
      } else if (operation._tag === "Delete") {
        this.#drop(operation.entry);
      } else if (operation._tag === "Update") {
        const entry = this.#find(operation.entry);
        if (entry !== undefined && operation.text.trim() !== "") entry.text = operation.text.trim();
      } else {
        const found = [...new Set(operation.entries)].flatMap((id) => this.#find(id) ?? []);
        const [kept, ...others] = found;
        if (kept === undefined || operation.text.trim() === "") continue;
        kept.text = operation.text.trim();
        for (const other of others) {
          kept.helpful += other.helpful;
          kept.harmful += other.harmful;
          kept.lastTaggedAt = Math.max(kept.lastTaggedAt, other.lastTaggedAt);
          this.#drop(other.id);
        }
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
    return reading({ updateCount: this.updateCount, entries: this.entries });
  }
}

/** What two playbooks have to have in common, in a form to compare and to show. */
export const reading = (view: Omit<View, "version">): string =>
  [
    `updateCount ${view.updateCount}`,
    ...view.entries.map(
      (entry) =>
        `${entry.id} [${entry.section}] ${entry.text} +${entry.helpful} -${entry.harmful} @${entry.createdAt}/${entry.lastTaggedAt}`,
    ),
  ].join("\n");
