"""Golden values of small Llama models, computed by Hugging Face transformers, for packages/models.

    python -m venv /tmp/venv && /tmp/venv/bin/pip install torch==2.13.0 transformers==5.23.0
    /tmp/venv/bin/python tools/parity/llama_golden.py packages/models/fixtures

Writes one model folder per case, as `save_pretrained` does, and beside the weights `golden.json`:
right-padded ids, their lengths, logits of all real positions, and the gradient of the mean next-token cross-entropy.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

IDS = [[3, 17, 5, 9, 22, 1, 8], [4, 4, 30, 2, 0, 0, 0], [31, 0, 0, 0, 0, 0, 0]]
LENGTHS = [7, 4, 1]

SIZES = dict(
    vocab_size=32,
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=2,
    max_position_embeddings=64,
    eos_token_id=1,
    bos_token_id=None,
    pad_token_id=0,
)
CASES = {
    "llama-tied": (
        torch.float32,
        dict(num_attention_heads=4, num_key_value_heads=4, tie_word_embeddings=True, rms_norm_eps=1e-5),
    ),
    "llama-grouped": (
        torch.bfloat16,
        dict(
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=6,
            tie_word_embeddings=False,
            rms_norm_eps=1e-6,
            rope_parameters={"rope_type": "default", "rope_theta": 500.0},
        ),
    ),
}


def build(seed: int, dtype: torch.dtype, options: dict) -> LlamaForCausalLM:
    """A model whose every parameter matters: far from initial values, and exact in the dtype it is stored in."""
    torch.manual_seed(seed)
    model = LlamaForCausalLM(LlamaConfig(**SIZES, **options, attn_implementation="eager"))
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(torch.randn_like(p) * 0.3 + (1.0 if "norm" in name else 0.0))
    return model.to(dtype)


def numbers(tensor: torch.Tensor) -> list:
    return [float(f"{x:.9g}") for x in tensor.flatten().tolist()]


def golden(folder: Path) -> dict:
    # Loaded again: a model that was once bfloat16 keeps rounded rotary frequencies even as a double.
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").double()
    ids = torch.tensor(IDS)
    mask = torch.arange(ids.shape[1])[None] < torch.tensor(LENGTHS)[:, None]
    logits = model(input_ids=ids, attention_mask=mask.long()).logits
    pairs = mask[:, 1:]  # position t predicts token t + 1 where that one is real
    log_probs = torch.log_softmax(logits[:, :-1], -1).gather(-1, ids[:, 1:, None])[..., 0]
    loss = -(log_probs * pairs).sum() / pairs.sum()
    loss.backward()
    return {
        "ids": IDS,
        "lengths": LENGTHS,
        "logits": [[numbers(logits[b, t]) for t in range(n)] for b, n in enumerate(LENGTHS)],
        "loss": float(f"{loss.item():.9g}"),
        "gradientNorms": {name: float(f"{p.grad.norm().item():.9g}") for name, p in model.named_parameters()},
        "gradientSamples": {name: numbers(p.grad.flatten()[:3]) for name, p in model.named_parameters()},
    }


def main(out: Path) -> None:
    for seed, (name, (dtype, options)) in enumerate(CASES.items()):
        folder = out / name
        build(seed, dtype, options).save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        (folder / "golden.json").write_text(json.dumps(golden(folder)) + "\n")


main(Path(sys.argv[1]))
