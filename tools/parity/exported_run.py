"""What `resd export` writes, loaded by transformers: configuration, weights in every type and in shards, tokenizer, template.

    /tmp/venv/bin/python tools/parity/exported_run.py packages/models/fixtures/families packages/tokenizers/fixtures/families

A model folder is put together of a family's tiny weights and its tiny tokenizer, exported by packages/engine as `resd
export` does it (whole, in shards, merged with the family's adapter), and loaded by transformers. Prints the largest
difference of logits from the recorded ones, as a share of the largest logit, whether the tokenizer gives the recorded ids
of the recorded conversations, and what else transformers says. With the package gguf also whether every tensor has a name
in llama.cpp's own table for that architecture.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers.utils import logging

torch.set_num_threads(1)
logging.disable_progress_bar()
ROOT = Path(__file__).parents[2]
EXPORT = """
import { NodeServices } from "@effect/platform-node";
import { exportModel } from "@resd/engine";
import { Effect } from "effect";
const [model, adapter, dtype, to] = process.argv.slice(1);
await exportModel({
  model, as: "model", dtype, to, force: false, card: () => "# card\\n", shardBytes: 8000,
  ...(adapter === "none" ? {} : { adapter }),
}).pipe(Effect.provide(NodeServices.layer), Effect.runPromise);
"""
#: A model of each family that has both fixtures, and llama.cpp's name of its architecture.
FAMILIES = {"llama-llama3": ("llama", "LLAMA"), "qwen3-yarn": ("qwen3", "QWEN3"), "qwen2-window": ("qwen2", "QWEN2")}


def export(model: Path, adapter: str, dtype: str, to: Path) -> None:
    node = ROOT / "node_modules/.bin/node"
    command = [node, "--input-type=module", "-e", EXPORT, model.resolve(), adapter, dtype, to]
    subprocess.run(command, cwd=ROOT / "tools/integration", check=True)


def unnamed(folder: Path, architecture: str) -> str:
    try:
        import gguf
    except ImportError:
        return "gguf is not installed"
    layers = json.loads((folder / "config.json").read_text())["num_hidden_layers"]
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[architecture], layers)
    tensors = [name for file in folder.glob("*.safetensors") for name in load_file(file)]
    missing = [name for name in tensors if names.get_name(name, try_suffixes=(".weight", ".bias")) is None]
    return f"{len(tensors) - len(missing)} of {len(tensors)} tensors have a name in llama.cpp's table"


def check(name: str, weights: Path, words: Path, architecture: str) -> None:
    ids = json.loads((weights / "golden.json").read_text())["ids"]
    with tempfile.TemporaryDirectory() as temporary:
        model = Path(temporary) / "model"
        shutil.copytree(weights, model, ignore=shutil.ignore_patterns("golden*"))
        for file in words.iterdir():
            if file.name != "golden.json":
                shutil.copy(file, model)
        for dtype, adapter, golden in [
            ("float32", "none", "golden.safetensors"),
            ("bfloat16", "none", "golden.safetensors"),
            ("float32", str((weights / "adapter").resolve()), "adapter/golden.safetensors"),
        ]:
            to = Path(temporary) / f"{dtype}-{golden.count('/')}"
            export(model, adapter, dtype, to)
            loaded, report = AutoModelForCausalLM.from_pretrained(
                to, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
            )
            with torch.no_grad():
                logits = torch.cat([loaded(input_ids=torch.tensor([one])).logits[0] for one in ids])
            expected = load_file(weights / golden)["logits"]
            share = ((logits - expected).abs().max() / expected.abs().max()).item()
            shards = len(list(to.glob("model-*.safetensors")))
            said = {key: value for key, value in report.items() if value}
            what = "merged" if adapter != "none" else "whole"
            print(f"{name:13} {what:7} {dtype:9} {shards} shards {type(loaded).__name__:18} {share:.1e} {said or ''}")
        GenerationConfig.from_pretrained(to)
        tokenizer = AutoTokenizer.from_pretrained(to)
        before = AutoTokenizer.from_pretrained(words)
        asked = [{"role": "user", "content": "What is the answer?"}]
        render = lambda one: one.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
        text = render(tokenizer)
        same = text == render(before) and tokenizer(text).input_ids == before(text).input_ids
        print(f"{'':13} tokenizer and chat template: {'the same' if same else 'DIFFERENT'}; {unnamed(to, architecture)}")


for one, (family, architecture) in FAMILIES.items():
    check(one, Path(sys.argv[1]) / one, Path(sys.argv[2]) / family, architecture)
