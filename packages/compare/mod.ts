/**
 * Comparisons that anyone can rerun: a matrix of variants by seeds, the cells that it asks for, and what they say about
 * the variants, with intervals paired by seed and claims that hold, are reversed or stay undecided.
 *
 * @module
 */
export * from "./analyse.ts";
export * from "./band.ts";
export * from "./bootstrap.ts";
export * from "./cell.ts";
export * from "./cell_queue.ts";
export * from "./cell_result.ts";
export * from "./cell_store.ts";
export * from "./conduct.ts";
export * from "./crossing.ts";
export * from "./figures.ts";
export * from "./files.ts";
export * from "./line_chart.ts";
export * from "./matrix.ts";
export * from "./pair.ts";
export * from "./plan.ts";
export * from "./read_matrix.ts";
export * from "./scale.ts";
export * from "./success.ts";
export * from "./svg.ts";
export * from "./sweep.ts";
export * from "./table.ts";
export * from "./tables.ts";
export * from "./verdict.ts";
