/** `resd env new`: a package of its own with an environment that works. */
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { Console, Effect, Schema } from "effect";
import { APPLICATION, IN_CHECKOUT, ROOT } from "../application.ts";
import { quoted } from "../quoted.ts";

export interface NewInput {
  /** Name, or path that ends in it. */
  readonly name: string;
  /** Folder of tarballs to install from, instead of the registry. */
  readonly from: string | undefined;
}

/** A package that cannot be made: a bad name, a folder that is taken, tarballs that are not there. */
export class NewEnvironmentError extends Schema.TaggedError<NewEnvironmentError>()(
  "NewEnvironmentError",
  { message: Schema.String },
) {}

const KEBAB = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const TEMPLATE = join(import.meta.dirname, "../generate/templates/env-package");

/** `resd-env-kit-0.1.0.tgz` is `@resd/env-kit`. */
const TARBALL = /^resd-(.+)-\d+\.\d+\.\d+(?:[-+].*)?\.tgz$/;

const refuse = (expected: string, got: string, remedy: string) =>
  new NewEnvironmentError({ message: `Expected ${expected}, got ${got}; ${remedy}` });

type Dependencies = Record<string, string>;
interface PackageJson {
  readonly peerDependencies: Dependencies;
  readonly dependencies: Dependencies;
  readonly devDependencies: Dependencies;
  overrides?: Dependencies;
}

/** Takes packages from tarballs: those that are named directly, and those that they need. */
const fromTarballs = (manifest: PackageJson, tarballs: ReadonlyMap<string, string>): void => {
  const { dependencies, devDependencies } = manifest;
  const direct = { ...dependencies, ...devDependencies };
  for (const [name, spec] of tarballs) {
    if (name in dependencies) dependencies[name] = spec;
    if (name in devDependencies) devDependencies[name] = spec;
    if (!(name in direct)) (manifest.overrides ??= {})[name] = spec;
  }
};

const tarballsIn = (folder: string, target: string): ReadonlyMap<string, string> => {
  const beside = relative(target, resolve(folder)).split(sep).join("/");
  return new Map(
    readdirSync(folder).flatMap((file) => {
      const name = TARBALL.exec(file)?.[1];
      return name === undefined ? [] : [[`@resd/${name}`, `file:${beside}/${file}`] as const];
    }),
  );
};

/** Makes the package. Gives its folder and the names of its files. */
export const newEnvironment = Effect.fn("newEnvironment")(function* ({
  name: path,
  from,
}: NewInput) {
  const target = resolve(path);
  const name = basename(target);
  if (!KEBAB.test(name)) {
    return yield* refuse(
      "a name in lower case with hyphens, such as my-env",
      `"${name}"`,
      "choose such a name",
    );
  }
  if (IN_CHECKOUT && !relative(resolve(ROOT), target).startsWith("..")) {
    return yield* refuse(
      "a folder outside of the repository",
      target,
      `give a path, such as ../${name}; npm run new -- env ${name} makes a plugin of the workspace`,
    );
  }
  if (existsSync(target) && (!statSync(target).isDirectory() || readdirSync(target).length > 0)) {
    return yield* refuse(
      "a new or empty folder",
      target,
      "choose another name, or remove the folder",
    );
  }
  const tarballs = from === undefined ? new Map() : tarballsIn(from, target);
  if (from !== undefined && !tarballs.has("@resd/core")) {
    return yield* refuse(
      "a folder with the tarballs of all packages",
      `${tarballs.size} of them`,
      "make them in the repository: node tools/workspace/main.ts pack <folder>",
    );
  }
  const rename = (text: string): string =>
    text
      .replaceAll("sample-env", name)
      .replaceAll("sample_env", name.replaceAll("-", "_"))
      .replaceAll("0.0.0-version", `^${APPLICATION.version}`);
  yield* Effect.try({
    try: () => mkdirSync(target, { recursive: true }),
    catch: (error) =>
      refuse("a folder that can be made", (error as Error).message, "choose another place"),
  });
  const files = readdirSync(TEMPLATE).map((templateName) => {
    const text = rename(readFileSync(join(TEMPLATE, templateName), "utf8"));
    // npm leaves files named .gitignore out of packages; test runners look for .test.ts.
    const file =
      templateName === "gitignore"
        ? ".gitignore"
        : rename(templateName).replace(/_test\.ts$/, ".test.ts");
    if (file === "package.json") {
      const manifest = JSON.parse(text) as PackageJson;
      fromTarballs(manifest, tarballs);
      writeFileSync(join(target, file), `${JSON.stringify(manifest, undefined, 2)}\n`);
    } else writeFileSync(join(target, file), text);
    return file;
  });
  return { folder: target, files: files.toSorted() };
});

export const create = Effect.fnUntraced(function* (input: NewInput) {
  const { folder, files } = yield* newEnvironment(input);
  const where = relative(dirname(folder), folder);
  yield* Console.log(
    [
      `${where} is in ${folder}: ${files.join(", ")}`,
      "It works and keeps all laws. Make it yours:",
      `  cd ${quoted(relative(".", folder) || ".")} && npm install --ignore-scripts && npm test`,
      "  npm run play, npm run validate, npm run train; README.md says more",
    ].join("\n"),
  );
});
