/** What a run carries from one inner iteration to the next, beside the policy and the playbook. */
import type { PlaybookHistory } from "./playbook_history.ts";
import type { ObservedUpdate } from "./schedule.ts";
import type { SolutionBuffer } from "./solution_buffer.ts";
import type { StudentPlaybook } from "./student_playbook.ts";
import type { Totals } from "./summary.ts";
import type { WatchedJournal } from "./watch.ts";

/** The state of a run in memory; it ends with the run. */
export interface RunState {
  /** The run's seed: every draw hashes it with what the draw is for. */
  readonly seed: number;
  readonly journal: WatchedJournal;
  readonly buffer: SolutionBuffer;
  readonly studentPlaybook: StudentPlaybook;
  readonly history: PlaybookHistory;
  readonly totals: Totals;
  /** What a schedule goes by: every update so far. */
  readonly observed: Array<ObservedUpdate>;
  /** Keys of tasks that are not tried again. */
  readonly brokenTasks: Set<string>;
}
