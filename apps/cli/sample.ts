/** `resd sample`: follows one attempt through every prompt that is made of it, and shows what is answered to each. */
import {
  type Attempt,
  Environment,
  Format,
  Policy,
  Reflector,
  type TaskRow,
  emptyView,
  hashName,
  hashSeed,
} from "@resd/core";
import {
  type FirstPrompt,
  type Rollout,
  answerText,
  inSilence,
  planTeacherContext,
  promptText,
  teachingOpening,
  rollOut,
} from "@resd/resd";
import {
  type Override,
  type RunConfig,
  composeRun,
  configError,
  entriesFor,
  loadPlugins,
  readRun,
  resolveConfig,
  withModelFolder,
} from "@resd/run";
import { Console, Effect, Option } from "effect";
import { demandReader } from "./demand_reader.ts";
import { hostLayer } from "./host.ts";
import { inkFor } from "./ink.ts";
import { readDefinition, shippedModel } from "./read_definition.ts";

export interface SampleInput {
  /** Folder of a run, or a configuration file; absent: the untrained default. */
  readonly of: Option.Option<string>;
  readonly tasks: number;
  readonly json: boolean;
  readonly overrides: ReadonlyArray<Override>;
}

/** One call of the policy: what it read and wrote, and what came of it. */
interface Exchange {
  readonly role: "student" | "reflector" | "teacher";
  readonly prompt: string;
  readonly answer: string;
  readonly solved?: boolean;
  readonly feedback?: string;
}

/** Everything that was made of one task. */
interface Sample {
  readonly task: string;
  readonly exchanges: ReadonlyArray<Exchange>;
}

const tryOnce = Effect.fnUntraced(function* (
  config: RunConfig,
  row: TaskRow<unknown>,
  role: Exchange["role"],
  firstPrompt: Parameters<typeof rollOut>[1]["firstPrompt"],
) {
  const { resd, seed } = config;
  const { rollouts } = yield* rollOut(
    [
      {
        id: hashName(seed, "sample", role, row.key),
        row,
        group: { index: 0, size: 1 },
        episodeSeed: hashSeed(seed, "sample", "episode", row.key),
        turnSeed: (turn) => hashSeed(seed, "sample", role, row.key, turn),
      },
    ],
    {
      as: "student",
      sampling: resd.sampling.evaluate,
      rewardPolicy: resd.rewardPolicy,
      limits: resd.limits,
      firstPrompt,
    },
    inSilence,
  );
  return rollouts[0] as Rollout;
});

const exchange = Effect.fnUntraced(function* (
  role: Exchange["role"],
  { prompt, attempt, ungraded }: Rollout,
) {
  const format = yield* Format;
  return {
    role,
    prompt: promptText(prompt, format),
    answer: answerText(attempt),
    solved: attempt.success,
    feedback: ungraded?.message ?? format.feedback(attempt.results),
  } satisfies Exchange;
});

/** Student, then reflector on its attempt, then teacher with everything known beside the task. */
const followTask = Effect.fnUntraced(function* (
  config: RunConfig,
  row: TaskRow<unknown>,
  entries: ReturnType<ReturnType<typeof entriesFor>>,
) {
  const format = yield* Format;
  const policy = yield* Policy;
  const { limits, sampling } = config.resd;
  const tried = yield* tryOnce(config, row, "student", ({ initial, tools }) => {
    const prompt = format.student(initial, tools);
    return Effect.map(policy.encode(prompt), (ids): FirstPrompt => ({
      _tag: "Ready",
      prompt,
      ids,
    }));
  });
  const exchanges: Array<Exchange> = [yield* exchange("student", tried)];
  if (tried.ungraded !== undefined) return { task: row.key, exchanges } satisfies Sample;

  const view = { ...emptyView, entries };
  const attempt: Attempt = tried.attempt;
  let reflection: string | undefined;
  if (!attempt.success && config.resd.reflect) {
    const reflector = yield* Reflector;
    const { reflections } = yield* reflector.reflect([attempt], view, { update: 0 });
    reflection = reflections[0]?.text;
    exchanges.push({
      role: "reflector",
      prompt: promptText(format.reflector(attempt, view), format),
      answer: reflection ?? "",
    });
  }
  const room = Math.min(
    limits.teacherPromptTokens,
    policy.info.maxContext - sampling.evaluate.maxTokens,
  );
  const taught = yield* tryOnce(config, row, "teacher", (opening) =>
    Effect.map(
      planTeacherContext(
        {
          ...teachingOpening(opening),
          playbook: entries,
          attempt: answerText(attempt),
          results: attempt.results,
          ...(reflection === undefined ? {} : { reflection }),
        },
        room,
      ),
      (plan): FirstPrompt =>
        plan._tag === "Fits"
          ? { _tag: "Ready", prompt: plan.prompt, ids: plan.ids }
          : { _tag: "TooLong", message: `The teacher's prompt has no room in ${room} tokens` },
    ),
  );
  exchanges.push(yield* exchange("teacher", taught));
  return { task: row.key, exchanges } satisfies Sample;
});

const isConfigFile = (path: string): boolean => /\.(toml|json|m?[jt]s)$/.test(path);

const composition = Effect.fnUntraced(function* (input: SampleInput) {
  if (Option.isNone(input.of) || isConfigFile(input.of.value)) {
    const { resolved, layers } = yield* readDefinition(input.of, input.overrides);
    yield* demandReader(resolved);
    return { resolved: yield* withModelFolder(resolved), layers, entries: () => [] };
  }
  const folder = input.of.value;
  const recorded = yield* readRun(folder);
  const resolved = yield* resolveConfig(
    [
      ...shippedModel(),
      { source: `run ${folder}`, values: { ...recorded.config } },
      { source: `run ${folder}`, values: { model: recorded.files.model, loraAdapter: null } },
    ],
    input.overrides,
  );
  return { resolved, layers: {}, entries: entriesFor(recorded) };
});

const text = ({ task, exchanges }: Sample): string => {
  const ink = inkFor(process.stdout);
  const part = ({ role, prompt, answer, solved, feedback }: Exchange) =>
    [
      `${ink("bold", role)}`,
      `  reads   ${prompt}`,
      `  writes  ${ink("cyan", answer)}`,
      ...(solved === undefined
        ? []
        : [
            solved ? `  ${ink("green", "solved")}` : `  ${ink("red", "failed")}  ${feedback ?? ""}`,
          ]),
    ].join("\n");
  return [ink("dim", task), ...exchanges.map(part)].join("\n");
};

export const sample = Effect.fnUntraced(
  function* (input: SampleInput) {
    const { resolved, layers, entries } = yield* composition(input);
    const config: RunConfig = { ...resolved.config, trackers: [] };
    const plugins = yield* loadPlugins({ ...resolved, config }, layers);
    const samples = yield* Effect.gen(function* () {
      const source = (yield* Environment).tasks(config.resd.splits.evaluate);
      const count = Math.min(input.tasks, source.size === "infinite" ? Infinity : source.size);
      if (count === 0) {
        const path = "resd.splits.evaluate";
        const use = config.environment.use;
        const message = `Expected tasks to follow, got none, in the split ${config.resd.splits.evaluate} of ${use}; give it some (its README names the options), or name another split: --${path}=<split>`;
        return yield* configError([{ path, source: use, message }]);
      }
      return yield* Effect.forEach(
        Array.from({ length: count }, (_, place) => place),
        Effect.fnUntraced(function* (place) {
          const row = yield* source.get(place);
          return yield* followTask(config, row, entries(row.key));
        }),
      );
    }).pipe(Effect.provide(composeRun({ config, plugins, layers, listeners: [] })));
    yield* Console.log(input.json ? JSON.stringify(samples) : samples.map(text).join("\n\n"));
  },
  Effect.scoped,
  Effect.provide(hostLayer),
);
