/**
 * Properties of tapes, with predicates, tests and gold programs.
 *
 * @module
 */
export * from "./criterion.ts";
export * from "./data_set.ts";
export * from "./tape_tests.ts";
