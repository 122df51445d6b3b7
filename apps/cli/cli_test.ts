/** The program as a person starts it, on the model that comes along. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NodeServices } from "@effect/platform-node";
import { adapterSpecs, initialize, linearMaps, loadFolder, saveAdapter } from "@resd/models";
import { Effect } from "effect";
import { afterAll, assert, describe, it } from "vitest";
import { timelessRows } from "./_scripted_run.ts";
import { ROOT } from "./application.ts";

const MODEL = join(ROOT, "models/kestrel");
const folder = mkdtempSync(join(tmpdir(), "resd-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Long enough for a machine that has other things to do. */
const PATIENCE = 120_000;
const SHORT = ["--resd.updates=2", "--resd.batchSize=4", "--resd.evaluation.tasks=4"];

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

/** @param during sees the process while it runs. */
const resd = (
  args: ReadonlyArray<string>,
  during: (kill: () => void) => void = () => {},
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts"), ...args], {
      cwd: ROOT,
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined }, // Node warns when both are set
    });
    let out = "";
    let error = "";
    child.stdout.on("data", (data) => (out += data));
    child.stderr.on("data", (data) => (error += data));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, error }));
    during(() => child.kill("SIGINT"));
  });

const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));

describe("resd", { timeout: PATIENCE }, () => {
  it("says first that an environment does not exist, whatever the model, then that the model cannot read one", async () => {
    const [trained, sampled, planned, modelled, unread, unreadToo] = await Promise.all([
      resd(["--env", "puzzels"]),
      resd(["sample", "--env", "puzzels"]),
      resd(["plan", "--env", "puzzels", "--model", "./no/model"]),
      resd(["sample", "--env", "puzzels", "--model", "./no/model"]),
      resd(["--env", "puzzles"]),
      resd(["sample", "--env", "puzzles"]),
    ]);
    for (const { code, error } of [trained, sampled, planned, modelled]) {
      assert.strictEqual(code, 1);
      assert.match(error, /got puzzels, which is none of .*kestrel, .*; did you mean puzzles\?/);
    }
    for (const { code, error } of [unread, unreadToo]) {
      assert.strictEqual(code, 1);
      assert.match(error, /Expected a model that reads the tasks of puzzles/);
    }
  });

  it("train --json prints the summary as its last line, the same for the same seed", async () => {
    const runs = await Promise.all(
      ["one", "two"].map((name) =>
        resd(["--json", "--seed", "7", "--run-dir", join(folder, name), ...SHORT]),
      ),
    );
    for (const [i, { code, out, error }] of runs.entries()) {
      assert.strictEqual(code, 0, error);
      assert.strictEqual(error, "");
      const summary = JSON.parse(out.trim().split("\n").at(-1)!);
      assert.deepEqual(summary, json(join(folder, ["one", "two"][i]!, "summary.json")));
      assert.deepInclude(summary, {
        name: "kestrel",
        variant: "resd",
        seed: 7,
        updates: 2,
        interactions: 8,
      });
    }
    const [one, two] = ["one", "two"].map((name) =>
      timelessRows(readFileSync(join(folder, name, "metrics.jsonl"), "utf8")),
    );
    assert.deepEqual(one, two);
  });

  it("eval measures what the run measured at its end, and with the playbook beside it", async () => {
    const probes = join(folder, "probes.jsonl");
    const prompt = [{ control: "<task>" }, { text: "10: screen" }, { control: "<prog>" }];
    writeFileSync(
      probes,
      `${JSON.stringify({ ability: "ports", prompt, answer: "10: screen WYN" })}\n`,
    );
    const args = ["eval", join(folder, "one"), `--probes=${probes}`, "--json"];
    const { code, out, error } = await resd(args);
    assert.strictEqual(code, 0, error);
    const measured = JSON.parse(out);
    assert.deepInclude(measured.abilities.changes.ports, { measure: "accuracy", probes: 1 });
    assert.isBelow(measured.estimates.bare.perTest.low, measured.bare.perTest + 1e-9);
    assert.deepEqual(measured.bare, json(join(folder, "one", "summary.json")).heldOut.after);
    assert.strictEqual("withPlaybook" in measured, measured.playbookEntries > 0);
    for (const file of measured.files) assert.isTrue(existsSync(file), file);
  });

  it("eval --recorded tells of several runs what they have measured, without a model", async () => {
    const runs = ["one", "two"].map((name) => join(folder, name));
    const { code, out, error } = await resd(["eval", ...runs, "--recorded", "--json"]);
    assert.strictEqual(code, 0, error);
    const told = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      told.map(({ run }) => run),
      runs,
    );
    for (const [i, { curve, picked }] of told.entries()) {
      const summary = json(join(runs[i]!, "summary.json"));
      assert.deepEqual(
        curve.map((point: { update: number }) => point.update),
        summary.curve.map((point: { update: number }) => point.update),
      );
      assert.strictEqual(picked, summary.rankSum.update);
      assert.strictEqual(curve.at(-1).estimates.perTask.value, summary.heldOut.after.perTask);
    }
  });

  it("show lists attempts and tells one of them, token by token", async () => {
    const run = join(folder, "one");
    const listed = await resd(["show", run, "--update=2", "--json"]);
    assert.strictEqual(listed.code, 0, listed.error);
    const attempts = JSON.parse(listed.out);
    assert.lengthOf(attempts, 4);
    const [{ id, outcome }] = attempts;
    const { code, out, error } = await resd(["show", run, id, "--tokens"]);
    assert.strictEqual(code, 0, error);
    const line = readFileSync(join(run, "rollouts/step-000002.jsonl"), "utf8").split("\n")[0]!;
    const { studentPrompt, teacherPrompt, ids } = JSON.parse(line);
    const flat = out.replaceAll(/\s+/g, " ");
    for (const part of [id, outcome, studentPrompt, teacherPrompt, `${ids[0]} "<task>"`])
      assert.include(flat, part);
  });

  it("replay with the weights that made an attempt gives its tokens again", async () => {
    const run = join(folder, "one");
    const line = readFileSync(join(run, "rollouts/step-000001.jsonl"), "utf8").split("\n")[1]!;
    const { id, policyVersion } = JSON.parse(line);
    const args = ["replay", run, id.slice(0, 10), "--weights=initial", "--samples=2", "--json"];
    const { code, out, error } = await resd(args);
    assert.strictEqual(code, 0, error);
    const { attempts, weights } = JSON.parse(out);
    assert.strictEqual(weights.version, policyVersion);
    assert.deepInclude(attempts[0], { draws: "recorded", same: true });
    const none = await resd(["replay", run, id, "--weights=checkpoint", "--json"]);
    assert.strictEqual(none.code, 1);
    assert.match(JSON.parse(none.error).error, /^Expected a checkpoint in /);
  });

  it("sample shows what student, reflector and teacher read and write", async () => {
    const { code, out, error } = await resd(["sample", join(folder, "one"), "--tasks=2", "--json"]);
    assert.strictEqual(code, 0, error);
    const samples = JSON.parse(out) as ReadonlyArray<{
      exchanges: ReadonlyArray<{ role: string; prompt: string; answer: string; solved?: boolean }>;
    }>;
    assert.lengthOf(samples, 2);
    for (const { exchanges } of samples) {
      const [student, ...others] = exchanges;
      assert.deepEqual(
        others.map(({ role }) => role),
        student!.solved ? ["teacher"] : ["reflector", "teacher"],
      );
      assert.match(student!.prompt, /^<task> .* <prog>$/);
      assert.include(others.at(-1)!.prompt, `<try> ${student!.answer}`);
    }
  });

  it("doctor finds nothing wrong here, and says what to do where something is", async () => {
    const well = await resd(["doctor", "--json"]);
    assert.strictEqual(well.code, 0, well.error);
    const names = JSON.parse(well.out).map(({ name }: { name: string }) => name);
    assert.includeMembers(names, [
      "Node.js",
      "machine",
      "environment",
      "compute",
      names.includes("GPU 0") ? "GPU 0" : "GPUs",
      "model",
      "tokenizer",
    ]);
    const ill = await resd(["doctor", "--model", join(folder, "nothing")]);
    assert.strictEqual(ill.code, 1);
    assert.match(ill.out, /broken {2}model .*config\.json.*\n.*→ give the folder of a model/);
    assert.match(ill.error, /got 2 broken: model, tokenizer/);
  });

  it("doctor says what an adapter is and whether its model is there", async () => {
    const adapter = join(folder, "adapter");
    const save = Effect.gen(function* () {
      const { config } = yield* loadFolder(MODEL);
      const maps = linearMaps(config).slice(0, 2);
      const own = { ...config, lora: { r: 2, lora_alpha: 2, use_rslora: false, maps } };
      const matrices = initialize(own, 1, adapterSpecs(own));
      yield* saveAdapter(adapter, own, (name) => Effect.succeed(matrices.get(name)!), {
        base: MODEL,
      });
    });
    await Effect.runPromise(save.pipe(Effect.scoped, Effect.provide(NodeServices.layer)));
    const well = await resd(["doctor", "--model", adapter]);
    assert.strictEqual(well.code, 0, well.error);
    assert.match(well.out, /ok {4} {2}LoRA .*adapter: \d+ numbers of rank 2 beside 2 maps of /);
    rmSync(join(adapter, "adapter_model.safetensors"));
    const ill = await resd(["doctor", "--model", adapter]);
    assert.match(ill.out, /broken {2}LoRA .*Expected adapter_model\.safetensors, got no such file/);
    assert.match(ill.error, /got 1 broken: LoRA/);
  });

  it("refuses what it does not know, with the nearest name and exit code 1", async () => {
    const refused = async (...args: ReadonlyArray<string>) => {
      const { code, error } = await resd(args);
      assert.strictEqual(code, 1);
      return error;
    };
    assert.match(await refused("--lr", "1"), /got lr, at --lr; did you mean resd\.lr\?/);
    assert.match(await refused("trian"), /got trian, at resd; did you mean train\?/);
    writeFileSync(join(folder, "a.toml"), "[resd]\nlearningrate = 1\n");
    assert.match(
      await refused(join(folder, "a.toml")),
      /got resd\.learningrate, at file .*a\.toml/,
    );
  });

  it("leaves a readable folder behind when it is interrupted, with exit code 130", async () => {
    const run = join(folder, "interrupted");
    const { code, error } = await resd(["--run-dir", run], (kill) => {
      const waiting = setInterval(() => {
        const metrics = join(run, "metrics.jsonl");
        if (!existsSync(metrics) || !readFileSync(metrics, "utf8").includes('"update":2')) return;
        clearInterval(waiting);
        kill();
        setTimeout(kill, 50); // npm passes the signal on once more
      }, 50);
    });
    assert.strictEqual(code, 130);
    assert.include(error, `Interrupted. What there is until then lies in ${run}`);
    const summary = json(join(run, "summary.json"));
    assert.strictEqual(summary.outcome, "interrupted");
    assert.isAtLeast(summary.updates, 2);
    assert.isTrue(existsSync(join(run, "model", "model.safetensors")));
    assert.isTrue(existsSync(join(run, "playbook", "snapshot.json")));
  });

  it("--dry-run prints every value with where it came from, and makes no folder", async () => {
    const run = join(folder, "dry");
    const { out } = await resd(["--dry-run", "--resd.lr=1e-4", "--run-dir", run]);
    const { config, sources } = JSON.parse(out);
    assert.strictEqual(config.resd.lr, 1e-4);
    assert.strictEqual(sources["resd.lr"], "--resd.lr");
    assert.strictEqual(sources["resd.batchSize"], "preset kestrel");
    assert.isFalse(existsSync(run));
  });
});
