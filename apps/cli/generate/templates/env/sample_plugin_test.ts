import { environmentLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { describe } from "vitest";
import * as plugin from "./mod.ts";

describe("env-sample-plugin", () => registerLaws(environmentLaws(plugin, {})));
