"""Golden ids of one tiny tokenizer of each family under a chat template, computed by Hugging Face transformers.

    /tmp/venv/bin/python tools/parity/chat_golden.py packages/tokenizers/fixtures/families

Each tokenizer has the pipeline of its family (normalizer, pre-tokenizer, byte handling, decoder, which added tokens are
special) over a vocabulary of a few hundred tokens, trained on this file. The templates in templates/ were written for
these fixtures; they do what the families' own templates do: fold the system message into the first turn, drop earlier
thinking, ask for the date, open or close the thinking, refuse turns out of order.
"""

import datetime
import json
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

HERE = Path(__file__).parent
SIZE = 330
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN_WORDS = WORDS.replace(r"\p{N}{1,3}", r"\p{N}")
QWEN_TAGS = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"]
TEXTS = [
    "square the 3, then want 9 and got 8",
    "  leading and trailing \n\n blanks\t",
    "Ünïcödé 🦊 漢字 \u200d zero width, e\u0301 in two parts",
    "it's 12,345.678 — isn't it?  DON'T",
    "the template of this file: def main(out: Path) -> None:\n\n\n    return",
    "a\n\nb\n\n\nc <table> d",
    "",
]
ASKED = [
    [{"role": "user", "content": "What is the answer?"}],
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "  Test\n\nme "},
        {"role": "assistant", "content": "42"},
        {"role": "user", "content": "the question 🦊"},
    ],
    [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "Answer 1.\n"},
        {"role": "user", "content": "second"},
        {"role": "assistant", "content": "Answer 2."},
    ],
]
TOOL = {
    "type": "function",
    "function": {"name": "run", "description": "Runs a program.", "parameters": {"type": "object", "properties": {}}},
}
CALLED = [
    {"role": "user", "content": "Use it."},
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": "1", "type": "function", "function": {"name": "run", "arguments": {"code": "1 + 1"}}}],
    },
    {"role": "tool", "content": "2", "tool_call_id": "1"},
]


def byte_level(words: str, merges_ignored: bool = False, normalizer=None) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(ignore_merges=merges_ignored))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(words), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def trained(tokenizer: Tokenizer, specials: list[str], alphabet: list[str]) -> Tokenizer:
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE, initial_alphabet=alphabet, special_tokens=specials, show_progress=False
    )
    tokenizer.train_from_iterator([Path(__file__).read_text()], trainer)
    return tokenizer


def with_tags(tokenizer: Tokenizer, tags: list[str]) -> Tokenizer:
    tokenizer.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in tags])
    return tokenizer


def gemma() -> Tokenizer:
    """SentencePiece's BPE: blanks are letters, and what has no token becomes bytes."""
    specials = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
    plain = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    plain.normalizer = normalizers.Replace(" ", "▁")
    plain.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    plain.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    letters = [chr(code) for code in range(0x20, 0x7F)] + ["▁"]
    trained(plain, specials + [f"<0x{byte:02X}>" for byte in range(256)], letters)
    raw = json.loads(plain.to_str())
    raw["added_tokens"] = [token for token in raw["added_tokens"] if not token["content"].startswith("<0x")]
    tags = ["\n\n", "\n\n\n", "▁▁", "<unused0>", "<table>"]
    return with_tags(Tokenizer.from_str(json.dumps(raw)), tags)


def llama() -> Tokenizer:
    names = ["begin_of_text", "end_of_text", "start_header_id", "end_header_id", "eot_id", "python_tag"]
    specials = [f"<|{name}|>" for name in names]
    tokenizer = trained(byte_level(WORDS, merges_ignored=True), specials, pre_tokenizers.ByteLevel.alphabet())
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A $B", special_tokens=[("<|begin_of_text|>", 0)]
    )
    return tokenizer


def chat_ml(tags: list[str], words: str, normalizer=None) -> Tokenizer:
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return with_tags(trained(byte_level(words, normalizer=normalizer), specials, alphabet), tags)


QWEN_ROLES = dict(eos_token="<|im_end|>", pad_token="<|endoftext|>")
FAMILIES = {
    "llama": (llama, dict(bos_token="<|begin_of_text|>", eos_token="<|eot_id|>"), True),
    "qwen2": (lambda: chat_ml(QWEN_TAGS[:2], QWEN_WORDS, normalizers.NFC()), QWEN_ROLES, False),
    "qwen3": (lambda: chat_ml(QWEN_TAGS, QWEN_WORDS, normalizers.NFC()), QWEN_ROLES, True),
    "gemma3": (gemma, dict(bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>"), False),
    "smollm3": (lambda: chat_ml(["<think>", "</think>"], WORDS), QWEN_ROLES, True),
}


class Today(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26, 12)


def chats(tokenizer: PreTrainedTokenizerFast, with_tools: bool) -> list[dict]:
    asked = [(messages, None) for messages in ASKED] + ([(CALLED, [TOOL])] if with_tools else [])
    found = []
    for messages, tools in asked:
        for reply in (True, False):
            for thinking in (None, True, False):
                variables = {} if thinking is None else {"enable_thinking": thinking}
                options = dict(tools=tools, add_generation_prompt=reply, **variables)
                found.append(
                    {
                        "messages": messages,
                        "tools": tools,
                        "reply": reply,
                        "variables": variables,
                        "ids": tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False, **options),
                    }
                )
    return found


def main(out: Path) -> None:
    chat_template_utils.datetime = Today
    for name, (build, roles, with_tools) in FAMILIES.items():
        template = (HERE / "templates" / f"{name}.jinja").read_text()
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=build(), chat_template=template, **roles)
        tokenizer.save_pretrained(out / name)
        golden = {
            "texts": [
                {"text": text, "ids": ids, "decoded": tokenizer.decode(ids, clean_up_tokenization_spaces=False)}
                for text in TEXTS
                for ids in [tokenizer.encode(text, add_special_tokens=False)]
            ],
            "chats": chats(tokenizer, with_tools),
        }
        (out / name / "golden.json").write_text(json.dumps(golden, ensure_ascii=False) + "\n")
        print(name, len(tokenizer))


main(Path(sys.argv[1]))
