/** What can end a run. */
import {
  type CuratorError,
  type EnvironmentError,
  type PlaybookError,
  type PolicyError,
  type ReflectorError,
} from "@resd/core";
import { Schema } from "effect";

/** A run that cannot start or go on, found by the loop itself. */
export class ResdError extends Schema.TaggedError<ResdError>()("ResdError", {
  message: Schema.String,
  reason: Schema.Literals([
    /** Values of the configuration contradict each other. */
    "configuration",
    /** Two parts of the run do not fit together. */
    "incompatible",
    /** The tasks do not allow the protocol that the configuration asserts. */
    "protocol",
    /** Not one attempt of a batch, or of an evaluation, could be graded. */
    "no-attempts",
  ]),
}) {}

/** Everything that `train` can fail with: its own error, or a seam's. */
export type TrainError =
  | ResdError
  | PolicyError
  | EnvironmentError
  | ReflectorError
  | CuratorError
  | PlaybookError;
