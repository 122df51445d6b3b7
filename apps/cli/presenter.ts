/** What the parser of command lines has to say: help and versions on stdout, where they were asked for; faults on stderr. */
import type { Override } from "@resd/run";
import { Effect } from "effect";
import { CliOutput } from "effect/cli";
import { sayFailure } from "./say_failure.ts";

/** A command line that cannot be read is a failure like any other, and no occasion for a page of help. */
export const presenter = (overrides: ReadonlyArray<Override>, json: boolean) =>
  CliOutput.layerPresenter({
    present: (event) =>
      event._tag !== "InvalidInvocation"
        ? CliOutput.defaultPresenter.present(event)
        : Effect.flatMap(
            Effect.promise(() => import("./usage_text.ts")),
            ({ usageText }) => {
              const { commandPath, errors, helpDoc } = event;
              const verbs = (helpDoc.subcommands ?? []).flatMap((group) =>
                group.commands.map(({ name }) => name),
              );
              return sayFailure(usageText({ commandPath, errors, verbs, overrides }), json);
            },
          ),
  });
