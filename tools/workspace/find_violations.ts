import { checkImports } from "./check_imports.ts";
import { checkManifest } from "./check_manifest.ts";
import { checkSources } from "./check_sources.ts";
import type { Violation } from "./violation.ts";
import type { Workspace } from "./workspace.ts";

/** Every rule of the house that the workspace breaks and that neither the type checker nor the linter knows. */
export const findViolations = (workspace: Workspace): ReadonlyArray<Violation> =>
  workspace.packages.flatMap((pkg) => [
    ...checkManifest(workspace, pkg),
    ...checkImports(workspace, pkg),
    ...checkSources(pkg),
  ]);
