"""Records which module names Python's re and PEFT match: module-patterns.json, for shared/methods and shared/domain.

    pip install -r requirements.txt
    python record-module-patterns.py
"""

import json
import pathlib
import random
import re
import warnings
from types import SimpleNamespace

import peft
from peft.tuners.tuners_utils import check_target_module_exists
from peft.utils.other import get_pattern_key

OUT = pathlib.Path(__file__).parent / "fixtures" / "module-patterns.json"

TEXTS = ["", "a", "b", "ab", "ba", "aab", "abab", "a.b", "model.layers.0.q", "0", "a_b", "..", "a{b", "b-a", "aaaa"]
ATOMS = r"a b . \. \d \w [ab] [^a] [a-c] _ 0 (a|b) (?:ab) (?=a) (?!a) ^ $ \b (?P<n>b) (a|) []a] a{2} b{1,2} .{,2} { - \- [.] [a-]".split()
QUANTIFIERS = ["", "", "", "", "*", "+", "?", "{2}", "{1,}", "{,2}", "*?", "+?", "{0}"]

LINEARS = [
    f"model.layers.{layer}.{part}"
    for layer in (0, 1, 11)
    for part in "self_attn.q_proj self_attn.k_proj self_attn.v_proj self_attn.o_proj mlp.gate_proj mlp.up_proj mlp.down_proj".split()
] + ["lm_head", "model.vision.layers.1.self_attn.q_proj", "layers.1.proj", "model.layers.1.experts.0.up_proj"]

SELECTIONS = [
    dict(target_modules=["q_proj"]),
    dict(target_modules=["q_proj", "v_proj"]),
    dict(target_modules=["proj"]),
    dict(target_modules=["self_attn.q_proj", "lm_head"]),
    dict(target_modules=["model.layers.1.self_attn.q_proj"]),
    dict(target_modules=["layers.1.self_attn.q_proj"]),
    dict(target_modules=["q_.*"]),
    dict(target_modules="q_proj"),
    dict(target_modules=r".*\.q_proj"),
    dict(target_modules=r".*(self_attn|mlp).*(q|up)_proj$"),
    dict(target_modules=r"^(?!.*vision).*(?:q_proj|k_proj)"),
    dict(target_modules=r"model\.layers\.(0|1)\.mlp\.\w+"),
    dict(target_modules=r"(?:.*?(?:language|text|layers).*?(?:self_attn|mlp).*?(?:q_proj|up_proj).*?)|(?:\bmodel\.layers\.[\d]{1,}\.mlp\.(?:gate_proj))"),
    dict(target_modules=["q_proj", "up_proj"], layers_to_transform=[1]),
    dict(target_modules=["q_proj", "up_proj"], layers_to_transform=1),
    dict(target_modules=["q_proj", "proj"], layers_to_transform=[0, 11], layers_pattern="layers"),
    dict(target_modules=["up_proj"], layers_to_transform=[0], layers_pattern=["blocks", "experts"]),
    dict(target_modules=["q_proj"], layers_to_transform=[]),
    dict(target_modules=["q_proj", "k_proj"], exclude_modules=["k_proj"]),
    dict(target_modules=["q_proj", "k_proj"], exclude_modules=r".*layers\.0\..*"),
    dict(target_modules=["q_proj", "lm_head"], modules_to_save=["lm_head"]),
    dict(target_modules=["q_proj"], modules_to_save=["self_attn"]),
]

KEYS = [
    ["q_proj"],
    ["proj", "self_attn.q_proj"],
    ["layers.1.self_attn.q_proj", "q_proj"],
    ["model.layers.1.self_attn.q_proj"],
    ["^model.layers.0.self_attn.k_proj"],
    ["^layers.1.proj"],
    [r"layers\.(0|11)\..*", ".*up_proj"],
    ["q_proj|up_proj"],
    ["layers.1"],
    ["layers.1.*"],
    ["self.attn.q.proj"],
    [".*"],
    [""],
    [r"model\.layers\.\d\..*"],
]


def random_patterns(count):
    random.seed(7)
    cases = {}
    while len(cases) < count:
        pattern = "".join(random.choice(ATOMS) + random.choice(QUANTIFIERS) for _ in range(random.randint(1, 5)))
        if random.random() < 0.3:
            pattern = "(" + pattern + ")" + random.choice(QUANTIFIERS)
        if random.random() < 0.3:
            pattern += "|" + random.choice(ATOMS)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compiled = re.compile(pattern)
            cases[pattern] = "".join("1" if compiled.fullmatch(text) else "0" for text in TEXTS)
        except re.error:
            cases[pattern] = None
    return cases


def selections():
    blank = dict(exclude_modules=None, modules_to_save=None, target_parameters=None, layers_to_transform=None, layers_pattern=None)
    for options in SELECTIONS:
        config = SimpleNamespace(**{**blank, **options})
        found = [name for name in LINEARS if (hit := check_target_module_exists(config, name)) and "Excluded" not in type(hit).__name__]
        yield dict(options=options, selected=found)


def main():
    pattern_keys = [
        dict(keys=keys, matched=[key if (key := get_pattern_key(keys, name)) != name or name in keys else None for name in LINEARS])
        for keys in KEYS
    ]
    record = dict(
        peft=peft.__version__,
        texts=TEXTS,
        patterns=random_patterns(250),
        linears=LINEARS,
        selections=list(selections()),
        patternKeys=pattern_keys,
    )
    OUT.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
