"""Golden values of one tiny model of each family and rope scaling, computed by Hugging Face transformers.

    python -m venv /tmp/venv && /tmp/venv/bin/pip install torch==2.13.0 transformers==5.23.0
    /tmp/venv/bin/python tools/parity/family_golden.py packages/models/fixtures/families [case …]

Writes one model folder per case, as `save_pretrained` does. No tensor keeps an initial value: norms lie between 0.5
and 1.5, everything else, biases included, is drawn with standard deviation 0.3. Sequences are longer than the sliding
window and than the context before scaling; queries are grouped. Beside the weights:

- `golden.safetensors`: logits, next-token log-probabilities, the gradient of the mean cross-entropy in every
  parameter, and the loss after a step of gradient descent
- `adapter/`: a LoRA adapter in PEFT's format on every linear map of the blocks, and in `adapter/golden.safetensors` the
  logits with it and the gradient in its matrices
- `golden.json`: the sequences, a greedy continuation, and the smallest distance by which its choices were made
"""

import json
import math
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from transformers import Gemma3TextConfig, LlamaConfig, Qwen2Config, Qwen3Config, SmolLM3Config

torch.set_num_threads(1)  # for tensors this small more threads only wait for each other
VOCAB = 32
LONG, SHORT = 36, 9
PROMPT, CONTINUED = 6, 64
STEP = 0.01
RANK, ALPHA = 2, 3.0

SIZES = dict(
    vocab_size=VOCAB,
    hidden_size=12,
    intermediate_size=20,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=128,
    eos_token_id=1,
    bos_token_id=None,
    pad_token_id=0,
)
ORIGINAL = dict(original_max_position_embeddings=16)
CASES = {
    "llama-linear": LlamaConfig(
        **SIZES,
        num_hidden_layers=2,
        attention_bias=True,
        mlp_bias=True,
        head_dim=6,
        rms_norm_eps=1e-5,
        rope_parameters=dict(rope_type="linear", factor=4.0, rope_theta=100.0),
    ),
    "llama-llama3": LlamaConfig(
        **SIZES,
        num_hidden_layers=2,
        head_dim=10,
        tie_word_embeddings=True,
        rope_parameters=dict(
            rope_type="llama3",
            factor=8.0,
            low_freq_factor=1.0,
            high_freq_factor=4.0,
            rope_theta=50.0,
            **ORIGINAL,
        ),
    ),
    "qwen2-window": Qwen2Config(
        **SIZES,
        num_hidden_layers=3,
        head_dim=6,
        use_sliding_window=True,
        sliding_window=8,
        max_window_layers=1,
        rope_parameters=dict(rope_type="default", rope_theta=200.0),
    ),
    "qwen2-yarn": Qwen2Config(
        **SIZES,
        num_hidden_layers=2,
        head_dim=10,
        tie_word_embeddings=True,
        rope_parameters=dict(
            rope_type="yarn", factor=8.0, rope_theta=20.0, beta_fast=1.0, beta_slow=0.2, truncate=False, **ORIGINAL
        ),
    ),
    "qwen3-yarn": Qwen3Config(
        **SIZES,
        num_hidden_layers=2,
        head_dim=10,
        rope_parameters=dict(rope_type="yarn", factor=8.0, rope_theta=20.0, **ORIGINAL),
    ),
    "gemma3-text": Gemma3TextConfig(
        **SIZES,
        num_hidden_layers=3,
        head_dim=6,
        query_pre_attn_scalar=9,
        sliding_window=8,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"],
        final_logit_softcapping=4.0,
        rope_parameters=dict(
            full_attention=dict(rope_type="linear", factor=4.0, rope_theta=1000.0),
            sliding_attention=dict(rope_type="default", rope_theta=20.0),
        ),
    ),
    "smollm3": SmolLM3Config(
        **SIZES,
        num_hidden_layers=3,
        head_dim=6,
        use_sliding_window=True,
        sliding_window=8,
        no_rope_layer_interval=2,
        rope_parameters=dict(rope_type="default", rope_theta=200.0),
    ),
}


def randomise(model: torch.nn.Module, offset: float) -> None:
    """Norms between 0.5 and 1.5 after adding what the family adds to them; all else N(0, 0.3²)."""
    for name, p in model.named_parameters():
        p.data = torch.rand_like(p) + 0.5 - offset if "norm" in name else torch.randn_like(p) * 0.3


def load(folder: Path) -> torch.nn.Module:
    # Loaded again: a model that was once bfloat16 keeps rounded rotary frequencies even as a double.
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    return model.double().eval()


def sequences(seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(2, VOCAB, (length,), generator=generator) for length in (LONG, SHORT)]


def loss_of(model: torch.nn.Module, ids: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """The mean cross-entropy, the logits of all positions, and the log-probabilities of all next tokens."""
    # One at a time: in a padded batch, rows of padding beyond a window see nothing, and turn everything into NaN.
    rows = [model(input_ids=one[None]).logits[0] for one in ids]
    log_probs = [torch.log_softmax(row[:-1], -1).gather(-1, one[1:, None])[:, 0] for row, one in zip(rows, ids)]
    return -torch.cat(log_probs).mean(), torch.cat(rows), torch.cat(log_probs)


@torch.no_grad()
def greedy(model: torch.nn.Module, prompt: torch.Tensor) -> tuple[list[int], float]:
    """The continuation, and the smallest lead that a chosen token had over the second."""
    ids, lead = prompt[None], math.inf
    for _ in range(CONTINUED):
        first, second = model(input_ids=ids).logits[0, -1].topk(2)
        lead = min(lead, (first[0] - first[1]).item())
        ids = torch.cat([ids, second[None, :1]], -1)
    return ids[0, len(prompt) :].tolist(), lead


def f32(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().float().contiguous() for name, tensor in tensors.items()}


def adapter(model: torch.nn.Module, folder: Path, ids: list[torch.Tensor]) -> None:
    """x ↦ Wx + (α/r)·B(Ax) on every linear map of the blocks, with A and B far from their initial values."""
    matrices: dict[str, torch.Tensor] = {}

    def attach(name: str, linear: torch.nn.Linear) -> None:
        a = (torch.randn(RANK, linear.in_features) * 0.3).double().requires_grad_()
        b = (torch.randn(linear.out_features, RANK) * 0.3).double().requires_grad_()
        matrices[f"base_model.model.{name}.lora_A.weight"] = a
        matrices[f"base_model.model.{name}.lora_B.weight"] = b
        linear.register_forward_hook(lambda _, x, y: y + (ALPHA / RANK) * F.linear(F.linear(x[0], a), b))

    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and "layers" in name:
            attach(name, module)
    loss, logits, _ = loss_of(model, ids)
    loss.backward()
    folder.mkdir(exist_ok=True)
    save_file(f32(matrices), folder / "adapter_model.safetensors")
    gradients = {f"gradient/{name}": p.grad for name, p in matrices.items()}
    save_file(f32({"logits": logits, "loss": loss[None], **gradients}), folder / "golden.safetensors")
    targets = sorted({name.split(".")[-3] for name in matrices})
    settings = dict(
        peft_type="LORA",
        task_type="CAUSAL_LM",
        base_model_name_or_path=None,
        r=RANK,
        lora_alpha=ALPHA,
        lora_dropout=0.0,
        target_modules=targets,
        bias="none",
        fan_in_fan_out=False,
        use_rslora=False,
        use_dora=False,
        modules_to_save=None,
        inference_mode=True,
    )
    (folder / "adapter_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def build(seed: int, config) -> torch.nn.Module:
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    randomise(model, 1.0 if config.model_type == "gemma3_text" else 0.0)
    return model


def choose(config, seeds: range) -> int:
    """The seed whose greedy continuation says most, among those whose choices are clear."""
    said = {}
    for seed in seeds:
        continued, lead = greedy(build(seed, config).double(), sequences(seed)[0][:PROMPT])
        if lead > 1e-3:
            said[seed] = len(set(continued[CONTINUED // 2 :]))
    return max(said, key=said.get)


def write(folder: Path, seed: int, config) -> None:
    build(seed, config).to(torch.bfloat16).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)

    model = load(folder)
    ids = sequences(seed)
    loss, logits, log_probs = loss_of(model, ids)
    loss.backward()
    gradients = {f"gradient/{name}": p.grad for name, p in model.named_parameters()}
    continued, lead = greedy(model, ids[0][:PROMPT])
    assert lead > 1e-3, f"{folder.name}: a greedy choice was made by {lead}; take other seeds"
    with torch.no_grad():
        for p in model.parameters():
            p -= STEP * p.grad
    after, _, _ = loss_of(model, ids)
    values = {"logits": logits, "log_probs": log_probs, "loss": loss[None], "loss_after": after[None], **gradients}
    save_file(f32(values), folder / "golden.safetensors")
    adapter(load(folder), folder / "adapter", ids)
    facts = dict(ids=[one.tolist() for one in ids], prompt=PROMPT, greedy=continued, lead=round(lead, 6), step=STEP)
    (folder / "golden.json").write_text(json.dumps(facts) + "\n")
    print(folder.name, f"largest logit {logits.abs().max().item():.3g}, {len(set(continued))} tokens, lead {lead:.3g}")


def main(out: Path, *names: str) -> None:
    for number, (name, config) in enumerate(CASES.items()):
        if names and name not in names:
            continue
        seeds = range(100 * number, 100 * number + 10)
        write(out / name, choose(config, seeds), config)


main(Path(sys.argv[1]), *sys.argv[2:])
