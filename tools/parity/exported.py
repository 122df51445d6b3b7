"""The other way round: folders that this project writes, loaded by Hugging Face transformers.

    /tmp/venv/bin/python tools/parity/exported.py packages/models/fixtures/families

Every family's fixture is loaded and saved again by packages/models, in each float type, and then loaded by transformers
in f32. Prints the largest difference of its logits from the recorded ones, as a share of the largest logit, and whatever
transformers says about missing or unexpected tensors.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)
ROOT = Path(__file__).parents[2]
TYPES = ["float32", "bfloat16"]
SAVE = """
import { NodeServices } from "@effect/platform-node";
import { loadFolder, saveFolder } from "@resd/models";
import { Effect } from "effect";
const [from, to, torch_dtype] = process.argv.slice(1);
await Effect.gen(function* () {
  const { config, parameters } = yield* loadFolder(from);
  yield* saveFolder(to, { ...config, torch_dtype }, parameters.read);
}).pipe(Effect.scoped, Effect.provide(NodeServices.layer), Effect.runPromise);
"""


def check(fixture: Path, dtype: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        node = ROOT / "node_modules/.bin/node"
        command = [node, "--input-type=module", "-e", SAVE, fixture.resolve(), folder, dtype]
        subprocess.run(command, cwd=ROOT / "tools/integration", check=True)
        model, report = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
        )
    expected = load_file(fixture / "golden.safetensors")["logits"]
    ids = json.loads((fixture / "golden.json").read_text())["ids"]
    with torch.no_grad():
        logits = torch.cat([model(input_ids=torch.tensor([one])).logits[0] for one in ids])
    share = ((logits - expected).abs().max() / expected.abs().max()).item()
    print(f"{fixture.name:14} {dtype:9} {type(model).__name__:20} {share:.1e}", {k: v for k, v in report.items() if v})


for one in sorted(Path(sys.argv[1]).iterdir()):
    for name in TYPES:
        check(one, name)
