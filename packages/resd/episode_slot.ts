/** One episode as a rollout holds it: opened, stepped and, where an environment fails for a moment, opened again. */
import {
  type Action,
  Environment,
  type EnvironmentError,
  EnvironmentInfraError,
  type Episode,
  type EpisodeContext,
  type Message,
  type StepResult,
  type TaskRow,
  type ToolSpec,
} from "@resd/core";
import { Duration, Effect, Exit, Schedule, Scope } from "effect";
import type { Limits } from "./config.ts";

/** An episode with everything that was done in it, so that it can be replayed. */
export interface EpisodeSlot {
  readonly initial: ReadonlyArray<Message>;
  readonly tools?: ReadonlyArray<ToolSpec>;
  /** Acts, with the step timeout and the retries of the limits. */
  readonly step: (action: Action) => Effect.Effect<StepResult, EnvironmentError>;
  /** Releases what the episode holds. Also happens when the surrounding scope closes. */
  readonly close: Effect.Effect<void>;
  /** How often the episode was opened: 1, and one more for every retry that got so far. */
  readonly opened: () => number;
}

const sameMessages = (a: ReadonlyArray<Message>, b: ReadonlyArray<Message>): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

const isRetryable = (error: EnvironmentError): boolean =>
  error._tag === "EnvironmentInfraError" && error.retryable;

/** A step whose reward is no number would poison the batch without a trace. */
const checkedStep = (
  episode: Episode,
  action: Action,
  limits: Limits,
  where: string,
): Effect.Effect<StepResult, EnvironmentError> =>
  episode.step(action).pipe(
    Effect.timeoutOrElse({
      duration: Duration.millis(limits.stepTimeoutMillis),
      orElse: () =>
        Effect.fail(
          new EnvironmentInfraError({
            message: `Expected a step within ${limits.stepTimeoutMillis} ms, got no answer, at ${where}; raise limits.stepTimeoutMillis or give the environment a limit of its own`,
            retryable: false,
          }),
        ),
    }),
    Effect.filterOrFail(
      (result) => Number.isFinite(result.reward),
      (result) =>
        new EnvironmentInfraError({
          message: `Expected a finite reward, got ${result.reward}, at ${where}; correct the environment's grader`,
          retryable: false,
        }),
    ),
  );

/**
 * Opens an episode for `row` in a scope of its own below the current one.
 *
 * A retryable failure closes the episode, waits 50 ms, then twice that, and so on, opens it again with the same seed and
 * replays the actions taken so far. If the environment then shows other messages than before, the retry is given up: the tokens of the
 * attempt answer what was shown first.
 */
export const openEpisode = Effect.fnUntraced(function* (
  row: TaskRow<unknown>,
  context: EpisodeContext,
  limits: Limits,
): Effect.fn.Return<EpisodeSlot, EnvironmentError, Environment | Scope.Scope> {
  const environment = yield* Environment;
  const parent = yield* Effect.scope;
  const where = `episode ${context.episodeId} of task ${row.key}`;
  const taken: Array<{ readonly action: Action; readonly observation: ReadonlyArray<Message> }> =
    [];
  let opened = 0;
  let shown: ReadonlyArray<Message> | undefined;
  let current: { readonly episode: Episode; readonly scope: Scope.Closeable } | undefined;

  const close = Effect.suspend(() => {
    const open = current;
    current = undefined;
    return open === undefined ? Effect.void : Scope.close(open.scope, Exit.void);
  });

  const diverged = (what: string) =>
    new EnvironmentInfraError({
      message: `Expected the same ${what} when the episode was replayed after a failure, got another one, at ${where}; an environment that is not deterministic cannot be retried in the middle`,
      retryable: false,
    });

  /** The open episode, replayed up to now if it had to be opened again. */
  const ready = Effect.fnUntraced(function* () {
    if (current !== undefined) return current.episode;
    const scope = yield* Scope.fork(parent);
    const episode = yield* environment.open(row, context).pipe(
      Scope.provide(scope),
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
    );
    opened++;
    current = { episode, scope };
    if (shown !== undefined && !sameMessages(shown, episode.initial)) {
      return yield* diverged("first messages");
    }
    shown = episode.initial;
    for (const { action, observation } of taken) {
      const result = yield* checkedStep(episode, action, limits, where);
      if (!sameMessages(observation, result.observation)) return yield* diverged("observation");
    }
    return episode;
  });

  const retrying = <A>(effect: Effect.Effect<A, EnvironmentError>) =>
    effect.pipe(
      Effect.onError(() => close),
      Effect.retry({
        schedule: Schedule.exponential("50 millis"),
        times: limits.environmentRetries,
        while: isRetryable,
      }),
    );

  const first = yield* retrying(ready());
  return {
    initial: first.initial,
    ...(first.tools === undefined ? {} : { tools: first.tools }),
    step: (action) =>
      retrying(
        Effect.flatMap(ready(), (episode) => checkedStep(episode, action, limits, where)),
      ).pipe(
        Effect.tap((result) =>
          Effect.sync(() => taken.push({ action, observation: result.observation })),
        ),
      ),
    close,
    opened: () => opened,
  };
});
