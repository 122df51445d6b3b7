/**
 * Puzzles without end, drawn from a seed: countdown, queens, the tower of Hanoi, mini sudoku and sokoban. Every part of an
 * answer is a test of its own, and every task can be solved.
 *
 * @module
 */
export { layer, manifest, Options } from "./puzzles.ts";
