/** Writes a new plugin into a workspace from the template of its seam. */
import { Effect, FileSystem, Path, Schema } from "effect";

/** The seams that have a template: the folders beside this file. */
export const seams = ["env", "reflector", "curator", "playbook", "tracker"] as const;
export type Seam = (typeof seams)[number];

/** A plugin that cannot be made: an unknown seam, a name that is none, or a folder that is taken. */
export class GeneratorError extends Schema.TaggedError<GeneratorError>()("GeneratorError", {
  message: Schema.String,
}) {}

export interface GeneratedPlugin {
  readonly packageName: string;
  /** Absolute. */
  readonly folder: string;
  /** Names of the files in it. */
  readonly files: ReadonlyArray<string>;
}

const kebabCase = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

const refuse = (expected: string, got: string, remedy: string) =>
  new GeneratorError({ message: `Expected ${expected}, got ${got}; ${remedy}` });

/** The template's own name, in the two forms in which it occurs, becomes the plugin's. */
const rename = (text: string, name: string): string =>
  text.replaceAll("sample-plugin", name).replaceAll("sample_plugin", name.replaceAll("-", "_"));

/**
 * Makes `plugins/<seam>-<name>` below `root`: a package that works and keeps the laws of its seam from the start.
 *
 * @param seam one of {@linkcode seams}
 * @param name words in lower case joined by hyphens
 */
export const generatePlugin = Effect.fn("generatePlugin")(function* (
  root: string,
  seam: string,
  name: string,
) {
  const fileSystem = yield* FileSystem.FileSystem;
  const path = yield* Path.Path;
  if (!(seams as ReadonlyArray<string>).includes(seam)) {
    return yield* refuse(`a seam (${seams.join(", ")})`, `"${seam}"`, "name one of them");
  }
  if (!kebabCase.test(name)) {
    return yield* refuse(
      "a name in lower case with hyphens, such as my-game",
      `"${name}"`,
      "choose such a name",
    );
  }
  const folder = path.join(root, "plugins", `${seam}-${name}`);
  if (yield* fileSystem.exists(folder)) {
    return yield* refuse("a free folder", folder, "choose another name or remove the folder");
  }
  const template = path.join(import.meta.dirname, "templates", seam);
  const names = (yield* fileSystem.readDirectory(template)).filter((file) => file.includes("."));
  yield* fileSystem.makeDirectory(folder, { recursive: true });
  const files = yield* Effect.forEach(names, (templateName) =>
    Effect.gen(function* () {
      const text = yield* fileSystem.readFileString(path.join(template, templateName));
      const file = rename(templateName, name);
      yield* fileSystem.writeFileString(path.join(folder, file), rename(text, name));
      return file;
    }),
  );
  const made: GeneratedPlugin = {
    packageName: `@resd/${seam}-${name}`,
    folder,
    files: files.toSorted(),
  };
  return made;
});
