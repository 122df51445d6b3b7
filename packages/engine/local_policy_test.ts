import { NodeServices } from "@effect/platform-node";
import { assert, layer } from "@effect/vitest";
import { Compute, type Distill, PolicyError, type PolicyShape } from "@resd/core";
import { type DecoderConfig, initialize, loadFolder, saveFolder } from "@resd/models";
import { makeInterpreterCompute } from "@resd/testing";
import { wordLevelTokenizer, writeTokenizer } from "@resd/tokenizers";
import { Effect, FileSystem } from "effect";
import { trainSample } from "./fixtures/trainee.ts";
import { TINY, tokens } from "./fixtures/tiny_model.ts";
import { type LocalPolicyOptions, makeLocalPolicy } from "./local_policy.ts";

const OBJECTIVE: Distill = {
  _tag: "Distill",
  alpha: 1,
  support: { _tag: "top-k", k: 4, rest: "tail" },
  aggregation: "sample-mean",
  teacher: { _tag: "ema", rate: 0.1 },
};

const BATCHES = [0, 1, 2, 3].map((u) => [trainSample(`a${u}`, 5, 7), trainSample(`b${u}`, 9, 4)]);

/** A model folder with the tokens <pad> <end> <task> <prog> a … g. */
const modelFolder = Effect.fnUntraced(function* (config: DecoderConfig = TINY) {
  const fs = yield* FileSystem.FileSystem;
  const folder = yield* fs.makeTempDirectoryScoped();
  const weights = initialize(config, 4);
  yield* saveFolder(folder, config, (name) => Effect.succeed(weights.get(name)!));
  const source = wordLevelTokenizer({
    words: ["unknown", "a", "b", "c", "d", "e", "f"],
    controls: ["<pad>", "<end>", "<task>", "<prog>"],
    unknown: "unknown",
    roles: { eos: "<end>", pad: "<pad>" },
  });
  yield* writeTokenizer(folder, source);
  return folder;
});

/** A policy on a backend that rounds as real ones do. */
const policyOf = (options: LocalPolicyOptions) =>
  makeLocalPolicy(options).pipe(
    Effect.provideService(Compute, makeInterpreterCompute({ precision: "f32" })),
  );

const updates = (policy: PolicyShape, from: number, to: number) =>
  Effect.forEach(BATCHES.slice(from, to), (batch) =>
    policy.update(batch, OBJECTIVE, { lr: 0.01, clipNorm: 1 }),
  );

const GREEDY = { temperature: 0, topP: 1, topK: 0, maxTokens: 6, stop: [] };

layer(NodeServices.layer)("localPolicy", (it) => {
  it.effect("says what it is from the files of its folder", () =>
    Effect.gen(function* () {
      const policy = yield* policyOf({ folder: yield* modelFolder() });
      assert.strictEqual(policy.info.format, "compact");
      assert.strictEqual(policy.info.vocabSize, 11);
      assert.strictEqual(policy.info.maxContext, 48);
      const ids = yield* policy.encode([
        { control: "<task>" },
        { text: "a b" },
        { control: "<prog>" },
      ]);
      assert.deepStrictEqual([...ids], [2, 5, 6, 3]);
      assert.strictEqual(policy.decode(ids), "a b");
      const error = yield* Effect.flip(policy.encode([{ control: "<tsk>" }]));
      assert.strictEqual(error.reason, "bad-request");
    }),
  );

  it.effect("generates what it then scores alike, and from new weights after an update", () =>
    Effect.gen(function* () {
      const policy = yield* policyOf({ folder: yield* modelFolder() });
      const prompt = tokens("prompt", 7);
      const sampling = { ...GREEDY, temperature: 1 };
      const ask = policy.generate([{ id: "x", prompt, seed: 3, sampling, as: "student" }]);
      const [first] = yield* ask;
      const ids = Int32Array.from([...prompt, ...first!.ids]);
      const [score] = yield* policy.score([{ ids, from: prompt.length, as: "student", topK: 2 }]);
      first!.logProbs.forEach((value, t) => assert.approximately(value, score!.logProbs[t]!, 1e-5));
      assert.strictEqual(score!.top!.ids.length, 2 * first!.ids.length);
      assert.isTrue(score!.top!.logProbs[0]! >= score!.top!.logProbs[1]!);
      assert.strictEqual(first!.policyVersion, yield* policy.version("student"));
      const [report] = yield* updates(policy, 0, 1);
      assert.notStrictEqual(report!.policyVersion, first!.policyVersion);
      const [second] = yield* ask;
      assert.strictEqual(second!.policyVersion, report!.policyVersion);
      assert.notStrictEqual(yield* policy.version("teacher"), report!.policyVersion);
    }),
  );

  it.effect("resumes from save(…, all) to the same weights as a run that never stopped", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      for (const torch_dtype of ["float32", "bfloat16"] as const) {
        const folder = yield* modelFolder({ ...TINY, torch_dtype });
        const straight = yield* policyOf({ folder });
        const expected = yield* updates(straight, 0, 4);

        const first = yield* policyOf({ folder });
        yield* updates(first, 0, 2);
        const checkpoint = `${yield* fs.makeTempDirectoryScoped()}/checkpoint`;
        yield* first.save(checkpoint, "all");
        const second = yield* policyOf({ folder });
        yield* second.load(checkpoint);
        assert.strictEqual(yield* second.version("teacher"), yield* first.version("teacher"));
        assert.deepStrictEqual(yield* updates(second, 2, 4), expected.slice(2));
      }
    }),
  );

  it.effect("save(…, weights) writes a model folder with its tokenizer and no training state", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const folder = yield* modelFolder();
      const policy = yield* policyOf({ folder });
      yield* updates(policy, 0, 1);
      const to = yield* fs.makeTempDirectoryScoped();
      yield* policy.save(to, "all");
      yield* policy.save(to, "weights");
      assert.deepStrictEqual((yield* fs.readDirectory(to)).toSorted(), [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
      ]);
      assert.deepStrictEqual((yield* Effect.scoped(loadFolder(to))).config, TINY);
      const again = yield* policyOf({ folder: to });
      assert.strictEqual(yield* again.version("student"), yield* policy.version("student"));
    }),
  );

  it.effect("refuses checkpoints that were cut off, changed, or made with another optimizer", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const folder = yield* modelFolder();
      const policy = yield* policyOf({ folder });
      const version = yield* policy.version("student");
      yield* updates(policy, 0, 1);
      const to = yield* fs.makeTempDirectoryScoped();
      yield* policy.save(to, "all");
      const reason = (target: PolicyShape) =>
        Effect.map(
          Effect.flip(target.load(to)),
          ({ reason: why, message }) => `${why}: ${message}`,
        );

      const muon = yield* policyOf({ folder, optimizer: { _tag: "Muon" } });
      assert.match(yield* reason(muon), /^bad-request: .*"AdamW".*"Muon"/u);

      const fresh = yield* policyOf({ folder });
      const weights = `${to}/model.safetensors`;
      const bytes = yield* fs.readFile(weights);
      bytes[bytes.length - 2]! ^= 1;
      yield* fs.writeFile(weights, bytes);
      assert.match(yield* reason(fresh), /^model-files: Expected student weights/u);
      yield* fs.remove(`${to}/training_state/manifest.json`);
      assert.match(yield* reason(fresh), /^model-files: .*manifest\.json, got none/u);
      assert.strictEqual(yield* fresh.version("student"), version); // nothing was taken over
    }),
  );

  it.effect(
    "refuses prompts that leave no room, unknown ids, and a trust-region teacher's words",
    () =>
      Effect.gen(function* () {
        const policy = yield* policyOf({ folder: yield* modelFolder() });
        const ask = (prompt: Int32Array, as: "student" | "teacher" = "student") =>
          Effect.flip(policy.generate([{ id: "q", prompt, seed: 1, sampling: GREEDY, as }]));
        const long = yield* ask(tokens("long", 48));
        assert.strictEqual(long.reason, "context-overflow");
        assert.match(long.message, /under 48 tokens.*got 48, at request q/u);
        assert.match((yield* ask(Int32Array.of(3, 11))).message, /0\.\.10, got 11, at token 1/u);
        assert.match((yield* ask(new Int32Array(0))).message, /at least one token/u);
        const mixture = { ...OBJECTIVE, teacher: { _tag: "trust-region", rate: 0.5 } } as const;
        yield* policy.update(BATCHES[0]!, mixture, { lr: 0.01 });
        assert.strictEqual((yield* ask(tokens("p", 4), "teacher")).reason, "unsupported");
        const contradiction = {
          ...OBJECTIVE,
          support: { _tag: "sampled-token" },
          alpha: 0,
        } as const;
        const refused = yield* Effect.flip(policy.update(BATCHES[0]!, contradiction, { lr: 0.01 }));
        assert.instanceOf(refused, PolicyError);
      }),
  );

  it.effect("gives all its arrays back when its scope closes", () =>
    Effect.gen(function* () {
      const compute = makeInterpreterCompute();
      const folder = yield* modelFolder();
      yield* Effect.scoped(
        Effect.gen(function* () {
          const policy = yield* makeLocalPolicy({ folder });
          yield* updates(policy, 0, 1);
          assert.isAbove(compute.liveArrays(), 0);
        }),
      ).pipe(Effect.provideService(Compute, compute));
      assert.strictEqual(compute.liveArrays(), 0);
    }),
  );
});
