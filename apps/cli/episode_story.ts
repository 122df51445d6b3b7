/** Everything that a run has written down of one attempt, in the order in which it happened. */
import type { Change, HistoryLine, Message, StepResult } from "@resd/core";
import { type RecordedEpisode, outcomeOf, writtenTokens } from "@resd/run";
import { rewardText } from "./episode_list.ts";
import type { Ink } from "./ink.ts";
import { wrapped } from "./wrapped.ts";

/** What the files of a run say of an attempt; what is absent was not written down. */
export interface EpisodeStory {
  readonly episode: RecordedEpisode;
  /** Changes of a playbook because of it. */
  readonly changes?: ReadonlyArray<HistoryLine>;
  /** The row of its update in metrics.jsonl. */
  readonly update?: Readonly<Record<string, unknown>>;
  /** Its tokens, where they were asked for. */
  readonly tokens?: EpisodeTokens;
}

/** The vocabulary's spelling of each id, or why there is none. */
export type EpisodeTokens =
  | { readonly pieces: ReadonlyArray<string> }
  | { readonly missing: string };

interface Page {
  readonly columns: number;
  readonly ink: Ink;
}

type Section = readonly [title: string, lines: ReadonlyArray<string>];

const NOT_RECORDED = "not recorded";

const dimmed = (text: string, { columns, ink }: Page): ReadonlyArray<string> =>
  wrapped(text, columns).map((line) => ink("dim", line));

const messageLines = ({ role, content, toolCalls }: Message, { columns, ink }: Page) => [
  ink("dim", `  ${role}`),
  ...wrapped(content, columns, "    "),
  ...(toolCalls ?? []).flatMap(({ name, arguments: given }) =>
    wrapped(`calls ${name} ${JSON.stringify(given)}`, columns, "    "),
  ),
];

const testLines = (result: StepResult, { columns, ink }: Page): ReadonlyArray<string> =>
  (result.tests ?? []).flatMap((test) => {
    const told = (
      [
        ["input", test.input],
        ["expected", test.expected],
        ["got", test.actual],
        ["message", test.message],
        ["output", test.debug],
      ] as const
    ).flatMap(([label, value]) => (value === undefined ? [] : [`${label} ${value}`]));
    const hidden = test.visibility === "hidden" ? " (hidden from every prompt)" : "";
    const verdict = test.status === "passed" ? ink("green", "passed") : ink("red", test.status);
    return [
      `  test ${test.id} ${verdict}${hidden}`,
      ...(told.length === 0 ? [] : wrapped(told.join(", "), columns, "    ")),
    ];
  });

const turns = (episode: RecordedEpisode, page: Page): ReadonlyArray<Section> =>
  episode.actions.map((action, turn) => {
    const { columns, ink } = page;
    const result = episode.results[turn];
    const title = episode.actions.length === 1 ? "Answer" : `Turn ${turn + 1}`;
    return [
      title,
      [
        ...(action.reasoning === undefined
          ? []
          : [ink("dim", "  thinks"), ...wrapped(action.reasoning, columns, "    ")]),
        ...(action.content === "" && (action.toolCalls?.length ?? 0) === 0
          ? ["  (nothing)"]
          : wrapped(action.content, columns).map((line) => ink("cyan", line))),
        ...(action.toolCalls ?? []).flatMap(({ name, arguments: given }) =>
          wrapped(`calls ${name} ${JSON.stringify(given)}`, columns).map((line) =>
            ink("cyan", line),
          ),
        ),
        ink("dim", `  ended by ${action.stop}`),
        ...(result === undefined
          ? ["  the environment gave no result"]
          : [
              `  reward ${rewardText(result.reward)}, ${result.status}, answer ${result.parse}`,
              ...testLines(result, page),
              ...result.observation.flatMap((message) => messageLines(message, page)),
            ]),
      ],
    ];
  });

const changeText = (change: Change): string => {
  switch (change._tag) {
    case "Added":
      return `added ${change.entry.id} (${change.entry.section}): ${change.entry.text}`;
    case "Updated":
      return `reworded ${change.entry.id}: ${change.entry.text} (was: ${change.before})`;
    case "Removed":
      return `took out ${change.entry.id} (${change.reason}): ${change.entry.text}`;
    case "Tagged":
      return `tagged ${change.tag.entry} ${change.tag.sign}`;
    case "Advanced":
      return `counted update ${change.updateCount}`;
  }
};

const playbookLines = ({ changes }: EpisodeStory, { columns }: Page): ReadonlyArray<string> =>
  changes === undefined
    ? [`  ${NOT_RECORDED}`]
    : changes.length === 0
      ? ["  nothing changed because of this attempt"]
      : changes.flatMap(({ cause, change }) =>
          wrapped(`${cause.by} ${changeText(change)}`, columns),
        );

const reflectionLines = ({ reflection, success }: RecordedEpisode, page: Page) =>
  reflection === undefined
    ? [`  none recorded${success ? ": it was solved" : ""}`]
    : [
        ...wrapped(reflection.text === "" ? "(nothing)" : reflection.text, page.columns),
        ...(reflection.insight === undefined
          ? []
          : wrapped(`lesson: ${reflection.insight}`, page.columns)),
        ...(reflection.tags.length === 0
          ? []
          : wrapped(
              `credits: ${reflection.tags.map(({ entry, sign }) => `${entry} ${sign}`).join(", ")}`,
              page.columns,
            )),
        ...dimmed(
          `reply ${reflection.parse}; the prompt of the reflector was ${NOT_RECORDED}`,
          page,
        ),
      ];

const curatorLines = ({ curated }: RecordedEpisode, page: Page) =>
  curated === undefined
    ? ["  none recorded"]
    : [
        ...wrapped(curated.text === "" ? "(nothing)" : curated.text, page.columns),
        ...dimmed(
          `${curated.operations} ${curated.operations === 1 ? "operation" : "operations"} reached the playbook; the prompt of the curator was ${NOT_RECORDED}`,
          page,
        ),
      ];

const teacherLines = (episode: RecordedEpisode, page: Page) => [
  ...dimmed(
    `signal ${episode.signal}, weight ${rewardText(episode.weight)}, playbook version ${episode.playbookVersion}`,
    page,
  ),
  ...(episode.teacherPrompt === undefined
    ? ["  no teacher's prompt recorded"]
    : wrapped(episode.teacherPrompt, page.columns)),
  ...(episode.leftOut === undefined
    ? []
    : wrapped(`left out for want of room: ${episode.leftOut.join(", ")}`, page.columns)),
];

const updateLines = ({ update }: EpisodeStory, page: Page): ReadonlyArray<string> =>
  update === undefined
    ? wrapped(`${NOT_RECORDED}: metrics.jsonl has no row of it`, page.columns)
    : [
        ...wrapped(
          `loss ${String(update["loss"])}, gradient norm ${String(update["gradNorm"])}`,
          page.columns,
        ),
        ...wrapped(`weights after it ${String(update["parameters"])}`, page.columns),
      ];

const tokenLines = (
  { episode }: EpisodeStory,
  tokens: EpisodeTokens,
  page: Page,
): ReadonlyArray<string> => {
  const { ids, from, mask, logProbs } = episode;
  const named = "pieces" in tokens;
  const nameOf = (at: number): string =>
    named ? `${ids[at]} ${JSON.stringify(tokens.pieces[at])}` : String(ids[at]);
  return [
    ...(named ? [] : wrapped(`ids alone: ${tokens.missing}`, page.columns)),
    ...dimmed(`the prompt, ids 0 to ${from - 1}`, page),
    ...wrapped(
      ids
        .slice(0, from)
        .map((_, at) => nameOf(at))
        .join("  "),
      page.columns,
      "    ",
    ),
    ...dimmed("what follows; each token of the policy with its probability at temperature 1", page),
    ...mask.map((one, t) => {
      const at = from + t;
      const probability =
        one === 1 ? `${(100 * Math.exp(logProbs[t] ?? 0)).toFixed(1)} %` : "given";
      return wrapped(
        `${String(at).padStart(5)}  ${probability.padStart(7)}  ${nameOf(at)}`,
        page.columns,
      ).join("\n");
    }),
  ];
};

/** Tells an attempt from its task to its update. */
export const storyText = (story: EpisodeStory, page: Page): string => {
  const { episode, tokens } = story;
  const { columns, ink } = page;
  const verdict = outcomeOf(episode);
  const written = writtenTokens(episode.mask);
  const sections: ReadonlyArray<Section> = [
    ["Task", wrapped(episode.problem, columns)],
    ...(episode.tools === undefined
      ? []
      : ([["Tools", wrapped(episode.tools.map(({ name }) => name).join(", "), columns)]] as const)),
    [
      `What the policy read (${episode.from} tokens)`,
      episode.from === 0
        ? [`  ${NOT_RECORDED}: the episode did not begin`]
        : wrapped(episode.studentPrompt, columns),
    ],
    ...turns(episode, page),
    [
      "Score",
      [
        `  ${episode.success ? ink("green", verdict) : ink("red", verdict)}, reward ${rewardText(episode.reward)}, passed share ${rewardText(episode.fraction)}`,
        ...(episode.ungraded === undefined
          ? []
          : wrapped(`no grade: ${episode.ungraded}`, columns)),
      ],
    ],
    ["Feedback", episode.feedback === "" ? ["  none"] : wrapped(episode.feedback, columns)],
    ["Reflection", reflectionLines(episode, page)],
    ["Curator", curatorLines(episode, page)],
    ["Playbook", playbookLines(story, page)],
    ["What the teacher read", teacherLines(episode, page)],
    [`Update ${episode.update}`, updateLines(story, page)],
    ...(tokens === undefined ? [] : ([["Tokens", tokenLines(story, tokens, page)]] as const)),
  ];
  const sampled = `sampled ${written} tokens with weights ${episode.policyVersion || NOT_RECORDED}`;
  return [
    [
      ...wrapped(`Attempt ${episode.id}`, columns, "").map((line) => ink("bold", line)),
      ...wrapped(
        `update ${episode.update}, task ${episode.taskKey}, sample ${episode.sample + 1}; ${sampled}`,
        columns,
        "",
      ),
    ],
    ...sections.map(([title, lines]) => [ink("bold", title), ...lines]),
  ]
    .map((lines) => lines.join("\n"))
    .join("\n\n");
};
