"""Golden ids of a byte-level chat tokenizer, computed by Hugging Face transformers, for packages/tokenizers.

    /tmp/venv/bin/python tools/parity/tokenizer_golden.py packages/tokenizers/fixtures/chat

Trains a byte-level BPE on this file, saves it as `save_pretrained` does, and writes `golden.json`: ids of texts without
control tokens, and of conversations under the chat template.
"""

import json
import sys
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

CONTROLS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\nYou help.<|im_end|>\n' }}{% endif %}"
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content | trim + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n<think>\n\n</think>\n\n' }}{% endif %}"
)
TEXTS = [
    "square the 3, then want 9 and got 8",
    "  leading and trailing \n\n blanks\t",
    "Ünïcödé 🦊 漢字 \u200d zero width",
    "it's 12,345.678 — isn't it?",
    "the tokenizer of this file: def main(out: Path) -> None:",
    "",
]
CHATS = [
    [{"role": "user", "content": "What is the answer?"}],
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "  Test\n\nme "},
        {"role": "assistant", "content": "42"},
        {"role": "user", "content": "the question 🦊"},
    ],
]


def train() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=360,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=CONTROLS,
        show_progress=False,
    )
    tokenizer.train_from_iterator([Path(__file__).read_text()], trainer)
    tokenizer.add_tokens([AddedToken(word, special=False, normalized=False) for word in ("<think>", "</think>")])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        extra_special_tokens=["<|im_start|>"],
        chat_template=TEMPLATE,
    )


def main(out: Path) -> None:
    tokenizer = train()
    tokenizer.save_pretrained(out)
    golden = {
        "texts": [{"text": text, "ids": tokenizer.encode(text, add_special_tokens=False)} for text in TEXTS],
        "chats": [
            {
                "messages": chat,
                "reply": reply,
                "ids": tokenizer.apply_chat_template(
                    chat, add_generation_prompt=reply, tokenize=True, return_dict=False
                ),
            }
            for chat in CHATS
            for reply in (True, False)
        ],
    }
    (out / "golden.json").write_text(json.dumps(golden, ensure_ascii=False) + "\n")


main(Path(sys.argv[1]))
