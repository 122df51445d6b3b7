/** `resd playbook lift`: what a playbook adds to success on held-out tasks, and what each entry does in it. */
import {
  type Override,
  type PlaybookLift,
  composeMeasuring,
  measureLift,
  readRun,
} from "@resd/run";
import type { Estimate } from "@resd/resd";
import { Console, Effect, Option } from "effect";
import { hostLayer } from "../host.ts";
import { type Ink, inkFor } from "../ink.ts";
import { recordedParts } from "../recorded_parts.ts";
import { readSource } from "./source.ts";

export interface LiftInput {
  readonly run: string;
  /** Another playbook than the run's. */
  readonly source: Option.Option<string>;
  readonly weights: "trained" | "initial";
  readonly entries: number;
  readonly file: Option.Option<string>;
  readonly json: boolean;
  readonly overrides: ReadonlyArray<Override>;
}

const points = (share: number): string => `${(100 * share).toFixed(1)}`;
const estimate = ({ value, low, high }: Estimate, unit: string): string =>
  `${points(value)} ${unit} (${points(low)} to ${points(high)})`;
const signed = ({ value, low, high }: Estimate): string => {
  const sign = (share: number) => `${share >= 0 ? "+" : "−"}${points(Math.abs(share))}`;
  return `${sign(value)} (${sign(low)} to ${sign(high)})`;
};

const ranking = (entries: PlaybookLift["entries"]): string =>
  entries.some(({ above }) => above > 0)
    ? '"above" counts the entries whose intervals lie wholly below; where intervals overlap, nothing is ranked'
    : "All intervals overlap, so none is ranked above another";

const text = (lift: PlaybookLift, weights: string, ink: Ink): string => {
  const { entries } = lift;
  return [
    `${ink("bold", lift.run)}, ${weights} weights, ${lift.split}: ${lift.tasks} tasks, ${lift.samples} samples each; 95 % intervals over tasks`,
    "",
    `  without its playbook   ${estimate(lift.without, "%")}`,
    `  with it                ${estimate(lift.with, "%")}`,
    `  lift                   ${signed(lift.lift)} points`,
    ...(entries.length === 0
      ? []
      : [
          "",
          `${ink("bold", "What each entry adds")}: success with all, minus success without it, in points`,
          ink("dim", ranking(entries)),
          ...entries.map(
            ({ id, lift: one, above, helpful, harmful, text: lesson }) =>
              `  ${id.padEnd(12)}${signed(one).padEnd(26)}${(above === 0 ? "" : `above ${above}`).padEnd(10)}${`+${helpful} −${harmful}`.padEnd(10)}${lesson}`,
          ),
        ]),
  ].join("\n");
};

export const lift = Effect.fnUntraced(
  function* (input: LiftInput) {
    const recorded = yield* readRun(input.run);
    const trained = input.weights === "trained";
    const model = trained ? recorded.model : recorded.config.model;
    const parts = yield* recordedParts(input.run, recorded.config, {
      verb: "playbook lift",
      values: trained ? { model, loraAdapter: null } : {},
      file: input.file,
      overrides: input.overrides,
    });
    const { config } = parts;
    const playbooks = Option.isNone(input.source)
      ? recorded.playbooks
      : (yield* readSource(input.source.value)).playbooks;
    const measured = yield* measureLift(
      { ...recorded, config, model, playbooks },
      { entries: input.entries },
    ).pipe(Effect.provide(composeMeasuring(parts)));
    yield* Console.log(
      input.json
        ? JSON.stringify({ ...measured, weights: input.weights })
        : text(measured, input.weights, inkFor(process.stdout)),
    );
  },
  Effect.scoped,
  Effect.provide(hostLayer),
);
