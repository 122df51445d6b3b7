/** What of the workspace is published. */
import { type WorkspacePackage, isTestFile } from "../workspace.ts";

/** Whether others may install a package: packages, plugins and applications that are not private. */
export const isPublished = ({ folder, manifest }: WorkspacePackage): boolean =>
  !folder.startsWith("tools/") && manifest.private !== true;

/** Text that is written into other people's packages goes out as it is. */
export const isTemplate = (path: string): boolean => /(?:^|\/)templates\//.test(path);

/** Sources of a package that are compiled, relative to its folder. */
export const shippedSources = ({ sources }: WorkspacePackage): ReadonlyArray<string> =>
  sources.map(({ path }) => path).filter((path) => !isTestFile(path) && !isTemplate(path));
