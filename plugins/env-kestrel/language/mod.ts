/**
 * Kestrel, the undocumented one-register chip: its operations, the hidden conventions that give them mnemonics, plans
 * in plain words, programs, the machine that runs them, and the bench that tests them. Pure and deterministic; knows
 * nothing of environments or models.
 */
export * from "./operations.ts";
export * from "./convention.ts";
export * from "./plan.ts";
export * from "./program.ts";
export * from "./machine.ts";
export * from "./bench.ts";
export * from "./diagnosis.ts";
