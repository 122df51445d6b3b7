/**
 * The language of the tape machine without tasks: programs, their text, and what they do to a tape.
 *
 * @module
 */
export * from "./colour.ts";
export * from "./machine.ts";
export * from "./parse_program.ts";
export * from "./program.ts";
