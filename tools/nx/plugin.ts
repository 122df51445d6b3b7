/**
 * Gives every package of the workspace its Nx targets, so that `nx affected -t test lint` runs only what a change can reach.
 *
 * Types are checked by one target of the root: a single native pass over the whole repository is faster than a compiler start
 * for each package.
 */
import { dirname } from "node:path";
import type { TargetConfiguration } from "nx/src/devkit-exports.js";
import type { CreateNodes } from "nx/src/project-graph/plugins/public-api.js";

const targets: Record<string, TargetConfiguration> = {
  test: {
    command: "vitest run --passWithNoTests {projectRoot}/",
    inputs: ["default", "^default"],
  },
  lint: { command: "oxlint {projectRoot}", inputs: ["default", "^default"] },
  format: { command: "oxfmt --check {projectRoot}", inputs: ["default"] },
};

export const name = "resd";

export const createNodes: CreateNodes = [
  "{packages,plugins,apps,tools}/*/package.json",
  (files) => files.map((file) => [file, { projects: { [dirname(file)]: { targets } } }] as const),
];
