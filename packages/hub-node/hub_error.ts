/** The one error of this package. */
import { Schema } from "effect";

/** Why a model of the hub cannot be had; the message says what to do. */
export class HubError extends Schema.TaggedError<HubError>()("HubError", {
  message: Schema.String,
  reason: Schema.Literals([
    /** No such repository, revision or file; or a private one and no token. */
    "not-found",
    /** A token is missing, wrong, or has not been granted access to a gated model. */
    "unauthorized",
    /** Too many requests, also after waiting. */
    "rate-limited",
    /** The hub cannot be reached, or answers what is no answer. */
    "network",
    /** Not in the cache, and asking the hub is switched off. */
    "offline",
    /** What came is not what the hub announced. */
    "corrupted",
    /** A repository without the files of a model, or with names that would leave the cache. */
    "unusable",
    /** Files of the cache cannot be read or written. */
    "cache",
  ]),
}) {}
