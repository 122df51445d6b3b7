/** Several processes that write to one playbook file at once, and whether all that they wrote is there. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { Playbook } from "@resd/core";
import { layer as sqlite } from "@resd/playbook-sqlite";
import { Context, Effect, Layer, Stream } from "effect";
import { LostChangeError } from "./kill.ts";

const program = join(import.meta.dirname, "adder.ts");

const runAdder = (file: string, name: string, lessons: number) =>
  Effect.callback<void, LostChangeError>((resume) => {
    const child = execFile(
      process.execPath,
      [program, file, name, String(lessons)],
      (error, _stdout, stderr) => {
        resume(
          error === null
            ? Effect.void
            : Effect.fail(new LostChangeError({ message: `${name}: ${stderr}` })),
        );
      },
    );
    return Effect.sync(() => child.kill());
  });

/** Starts the processes together on a file and compares it with everything that they were told to write. */
export const writeTogether = Effect.fnUntraced(function* (
  file: string,
  processes: number,
  lessons: number,
) {
  const names = Array.from({ length: processes }, (_, i) => `process ${i}`);
  yield* Effect.forEach(names, (name) => runAdder(file, name, lessons), {
    concurrency: "unbounded",
    discard: true,
  });
  const playbook = Context.get(yield* Layer.build(sqlite({ file })), Playbook);
  const { entries } = yield* playbook.view("global");
  const lines = yield* Stream.runCollect(playbook.history("global"));
  const expected = names.flatMap((name) =>
    Array.from({ length: lessons }, (_, i) => `${name} learned ${i}`),
  );
  const texts = new Set(entries.map(({ text, helpful }) => `${text} ${helpful}`));
  const missing = expected.filter((text) => !texts.has(`${text} 1`));
  const ids = new Set(entries.map(({ id }) => id)).size;
  const versions = lines.map(({ version }) => version);
  const inOrder = versions.every((version, i) => version === i + 1);
  if (
    missing.length > 0 ||
    ids !== expected.length ||
    lines.length !== 2 * expected.length ||
    !inOrder
  ) {
    return yield* new LostChangeError({
      message: `Expected ${expected.length} lessons with a tag each, got ${entries.length} with ${ids} ids and ${lines.length} lines of history${inOrder ? "" : " out of order"}; missing: ${missing.slice(0, 5).join(", ")}`,
    });
  }
  return { entries: entries.length, lines: lines.length };
}, Effect.scoped);
