import { assert, describe, it } from "vitest";
import { splitArgs } from "./split_args.ts";

const override = (flag: string, text: string, path = flag.slice(2)) => ({ path, text, flag });

describe("splitArgs", () => {
  it("splitArgs() trains when no verb stands", () => {
    assert.deepEqual(splitArgs([]).args, ["train"]);
    assert.deepEqual(splitArgs(["my.toml"]).args, ["train", "my.toml"]);
    assert.deepEqual(splitArgs(["--json", "--seed", "3"]), {
      args: ["train", "--json"],
      overrides: [override("--seed", "3")],
    });
  });

  it("splitArgs() leaves verbs and questions about the program alone", () => {
    for (const args of [["eval", "runs/a"], ["--help"], ["--version"], ["trian"]]) {
      assert.deepEqual(splitArgs(args), { args, overrides: [] });
    }
  });

  it("splitArgs() leaves every flag to verbs that read no configuration, so that unknown ones are refused", () => {
    for (const verb of ["compare m.json", "prompts", "env list", "env new ../my-env"]) {
      const args = [...verb.split(" "), "--job", "1", "--resd.lr=1"];
      assert.deepEqual(splitArgs(args), { args, overrides: [] });
    }
    assert.deepEqual(splitArgs(["playbook", "show", "runs/a", "--seed", "3"]).overrides, []);
    assert.lengthOf(splitArgs(["env", "play", "kestrel", "--seed", "3"]).overrides, 1);
    assert.lengthOf(splitArgs(["playbook", "lift", "runs/a", "--seed", "3"]).overrides, 1);
  });

  it("splitArgs() leaves the draws of a replay to it, and takes its configuration out", () => {
    const args = ["replay", "runs/a", "abc", "--seed", "3", "--prompt", "teacher"];
    assert.deepEqual(splitArgs([...args, "--resd.lr=1"]), {
      args,
      overrides: [override("--resd.lr", "1")],
    });
  });

  it("splitArgs() knows short names of keys that are often given", () => {
    const { overrides } = splitArgs(["--compute", "webgpu", "--adapter", "1", "--provider=cpu"]);
    assert.deepEqual(overrides, [
      override("--compute", "webgpu", "compute.use"),
      override("--adapter", "1", "compute.options.adapter"),
      override("--provider", "cpu", "compute.options.provider"),
    ]);
  });

  it("splitArgs() takes values with =, behind a space, or none for true", () => {
    const { args, overrides } = splitArgs([
      "train",
      "--resd.lr=1e-3",
      "--resd.warmup.updates",
      "0",
      "--resd.successWeights",
      "--dry-run",
      "--seed=-1",
      "--variant=a=b",
    ]);
    assert.deepEqual(args, ["train", "--dry-run"]);
    assert.deepEqual(overrides, [
      override("--resd.lr", "1e-3"),
      override("--resd.warmup.updates", "0"),
      override("--resd.successWeights", "true"),
      override("--seed", "-1"),
      override("--variant", "a=b"),
    ]);
  });

  it("splitArgs() leaves the folder behind a flag without a value to the verb", () => {
    assert.deepEqual(splitArgs(["eval", "--probes", "runs/a"]), {
      args: ["eval", "runs/a"],
      overrides: [override("--probes", "true")],
    });
    assert.deepEqual(splitArgs(["eval", "--probes", "my.jsonl", "runs/a"]), {
      args: ["eval", "runs/a"],
      overrides: [override("--probes", "my.jsonl")],
    });
    assert.deepEqual(splitArgs(["--resd.reflect", "my_run.toml"]), {
      args: ["train", "my_run.toml"],
      overrides: [override("--resd.reflect", "true")],
    });
  });

  it("splitArgs() takes --env for the environment's plugin", () => {
    assert.deepEqual(splitArgs(["--env", "./my_env.ts"]).overrides, [
      override("--env", "./my_env.ts", "environment.use"),
    ]);
  });

  it("splitArgs() knows the run's folder by its usual flag", () => {
    assert.deepEqual(splitArgs(["--run-dir", "a b"]).overrides, [
      override("--run-dir", "a b", "runDir"),
    ]);
  });
});
