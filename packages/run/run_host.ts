/** What a run needs of the program that it runs in: modules, and facts about the machine. */
import { Context } from "effect";

/** Facts for run.json. Nothing here decides a result, but all of it may explain one. */
export interface HostFacts {
  readonly command: ReadonlyArray<string>;
  readonly startedAt: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly hardware: {
    readonly platform: string;
    readonly processor: string;
    readonly cores: number;
    /** What the process may take: less than the machine has, where it runs in a container with a limit. */
    readonly memoryBytes: number;
  };
  readonly git?: { readonly commit: string; readonly changed: boolean };
}

/** The program that a run happens in. */
export class RunHost extends Context.Service<
  RunHost,
  {
    readonly facts: HostFacts;
    /** Imports a module by its absolute path. */
    readonly importModule: (path: string) => Promise<unknown>;
    /** The package.json of an installed package, as the application sees it, or as another package does. */
    readonly findPackage: (name: string, from?: string) => string | undefined;
    /** Names of the packages that come with the application, to compare misspelt names with. */
    readonly knownPackages: ReadonlyArray<string>;
  }
>()("@resd/run/RunHost") {}
