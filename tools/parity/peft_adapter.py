"""Adapters in both directions: ours loaded by PEFT, PEFT's loaded here, and merged ones loaded by transformers.

    /tmp/venv/bin/pip install peft==0.21.2
    /tmp/venv/bin/python tools/parity/peft_adapter.py packages/models/fixtures/families

For the tiny model of each family: an adapter with every matrix drawn at random is written by packages/models, loaded by
PeftModel.from_pretrained, and both give logits of the recorded sequences; the same adapter merged by packages/models is
loaded as a plain model; and adapters that PEFT saves in several of its ways are loaded by packages/models. Prints the
largest difference of logits as a share of the largest logit.
"""

import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM
from transformers.utils import logging

torch.set_num_threads(1)
logging.disable_progress_bar()
ROOT = Path(__file__).parents[2]
OURS = """
import { readFileSync, writeFileSync } from "node:fs";
import { NodeServices } from "@effect/platform-node";
import { LoraSettings, makeRandom } from "@resd/core";
import {
  adapterSpecs, hidden, loadAdapter, loadFolder, logits, mergedParameters, parameterInputs, parameterSpecs,
  resolveLora, saveAdapter, saveFolder,
} from "@resd/models";
import { graph, input, interpret, reshape, sizeOf } from "@resd/tensor";
import { Effect, Result, Schema } from "effect";

const [verb, base, adapter, merged, out] = process.argv.slice(1);
const settings = { r: 3, lora_alpha: 5, use_rslora: true, target_modules: ["q_proj", "v_proj", "o_proj", "1.mlp.down_proj"] };

const write = Effect.gen(function* () {
  const { config: plain, parameters } = yield* loadFolder(base);
  const lora = Result.getOrThrow(resolveLora(plain, Schema.decodeUnknownSync(LoraSettings)(settings)));
  const config = { ...plain, lora };
  const drawn = new Map(adapterSpecs(config).map(({ name, shape }) => {
    const random = makeRandom("peft", name);
    return [name, Float32Array.from({ length: sizeOf(shape) }, () => 0.3 * random.normal())];
  }));
  const matrix = (name) => Effect.succeed(drawn.get(name));
  yield* saveAdapter(adapter, config, matrix, { base });
  const all = (name) => (drawn.has(name) ? matrix(name) : parameters.read(name));
  yield* saveFolder(merged, { ...plain, torch_dtype: "float32" }, mergedParameters(config, all));
});

const forward = Effect.gen(function* () {
  const { config: plain, parameters } = yield* loadFolder(base);
  const { config, read } = yield* loadAdapter(adapter, plain);
  const { ids } = JSON.parse(readFileSync(`${base}/golden.json`, "utf8"));
  const weights = {};
  for (const { name } of parameterSpecs(config)) weights[name] = yield* parameters.read(name);
  for (const { name } of adapterSpecs(config)) weights[name] = yield* read(name);
  const inputs = parameterInputs(config);
  const rows = [];
  for (const one of ids) {
    const states = hidden(config, inputs, input("ids", [1, one.length], "i32"));
    const x = logits(config, inputs, reshape(states, [one.length, config.hidden_size]));
    rows.push(...interpret(graph({ x }), { ...weights, ids: one }).x);
  }
  writeFileSync(out, Float32Array.from(rows));
});

const task = verb === "write" ? Effect.andThen(write, forward) : forward;
await task.pipe(Effect.scoped, Effect.provide(NodeServices.layer), Effect.runPromise);
"""
#: Settings of PEFT that are honoured; the last layer is number 1 or more in every fixture.
CONFIGS = {
    "default": dict(r=4, target_modules=["q_proj", "v_proj"]),
    "all-linear": dict(r=2, lora_alpha=3, target_modules="all-linear"),
    "rslora, pattern": dict(r=4, lora_alpha=6, use_rslora=True, target_modules=r".*\.(q|k)_proj|.*mlp\.up_proj"),
    "one layer": dict(r=3, target_modules=["o_proj", "gate_proj"], layers_to_transform=[1]),
    "excluded, dropout": dict(
        r=2, target_modules=["k_proj", "down_proj"], exclude_modules=["k_proj"], lora_dropout=0.1
    ),
}


def ours(verb: str, base: Path, adapter: Path, merged: Path, out: Path) -> torch.Tensor:
    command = [ROOT / "node_modules/.bin/node", "--input-type=module", "-e", OURS, verb, base.resolve(), adapter, merged]
    subprocess.run([*command, out], cwd=ROOT / "tools/integration", check=True)
    return torch.from_numpy(numpy.fromfile(out, dtype=numpy.float32))


def plain(folder: Path) -> torch.nn.Module:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


@torch.no_grad()
def logits(model: torch.nn.Module, base: Path) -> torch.Tensor:
    ids = json.loads((base / "golden.json").read_text())["ids"]
    return torch.cat([model(input_ids=torch.tensor([one])).logits[0] for one in ids]).flatten()


def share(found: torch.Tensor, expected: torch.Tensor) -> str:
    return f"{((found - expected).abs().max() / expected.abs().max()).item():.1e}"


def check(base: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        adapter, merged, out = (Path(folder) / name for name in ("adapter", "merged", "logits"))
        mine = ours("write", base, adapter, merged, out)
        theirs = logits(PeftModel.from_pretrained(plain(base), adapter).eval(), base)
        effect = share(logits(plain(base), base), theirs)
        print(f"{base.name:13} ours in PEFT {share(mine, theirs)}, merged in transformers", end=" ")
        print(f"{share(logits(plain(merged), base), theirs)} (without the adapter: {effect})")
        for name, settings in CONFIGS.items():
            model = get_peft_model(plain(base), LoraConfig(task_type="CAUSAL_LM", **settings))
            for key, parameter in model.named_parameters():
                if "lora_" in key:
                    torch.nn.init.normal_(parameter, std=0.3)
            saved = Path(folder) / name
            model.eval().save_pretrained(saved)
            mine = ours("read", base, saved, merged, out)
            theirs = logits(model, base)
            assert math.isfinite(theirs.sum().item())
            print(f"{'':13} PEFT here, {name}: {share(mine, theirs)}")


torch.manual_seed(0)
for one in sorted(Path(sys.argv[1]).iterdir()):
    check(one)
