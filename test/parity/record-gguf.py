"""Records a small GGUF file and decoded blocks by the Python package gguf: fixtures/gguf.json, for shared/formats.

    pip install gguf==0.19.0
    python record-gguf.py
"""

import base64
import json
import pathlib
import tempfile

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T
from gguf.quants import dequantize, quantize

OUT = pathlib.Path(__file__).parent / "fixtures" / "gguf.json"
random = np.random.default_rng(11)


def text(data):
    return base64.b64encode(data).decode()


def half(*values):
    return np.array(values, np.float16).tobytes()


def random_blocks(kind, count):
    """Any bytes are a block, but for the scales, which must be finite to be compared."""
    size = gguf.GGML_QUANT_SIZES[kind][1]
    blocks = random.integers(0, 256, (count, size), dtype=np.uint8)
    for i, block in enumerate(blocks):
        d, m = half(0.03 * (i + 1) * (-1) ** i), half(0.7 - i)
        if kind == T.Q6_K:
            block[-2:] = np.frombuffer(d, np.uint8)
        else:
            block[:2] = np.frombuffer(d, np.uint8)
            if kind in (T.Q4_1, T.Q5_1, T.Q4_K, T.Q5_K):
                block[2:4] = np.frombuffer(m, np.uint8)
    return blocks


def blocks():
    kinds = [T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0, T.Q4_K, T.Q5_K, T.Q6_K]
    for kind in kinds:
        count = 3 if gguf.GGML_QUANT_SIZES[kind][0] == 32 else 2
        data = random_blocks(kind, count)
        values = dequantize(data, kind).astype("<f4")
        yield dict(type=kind.name, bytes=text(data.tobytes()), values=text(values.tobytes()))


def quantized():
    """Values of many sizes, exact halves of a step and zeros among them, as the package stores them."""
    values = random.standard_normal((24, 32)).astype(np.float32) * np.logspace(-9, 5, 24, dtype=np.float32)[:, None]
    values[3] = 0
    values[4] = np.linspace(-127, 127, 32, dtype=np.float32).round() + 0.5
    values[4, 0] = 127
    for kind in (T.Q8_0, T.F16, T.BF16):
        data = quantize(values, kind)
        yield dict(type=kind.name, values=text(values.astype("<f4").tobytes()), bytes=text(data.tobytes()))


def whole_file(path):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_uint8("t.u8", 255)
    writer.add_int8("t.i8", -128)
    writer.add_uint16("t.u16", 65535)
    writer.add_int16("t.i16", -32768)
    writer.add_uint32("t.u32", 4294967295)
    writer.add_int32("t.i32", -2147483648)
    writer.add_uint64("t.u64", 2**53)
    writer.add_int64("t.i64", -(2**53 - 1))
    writer.add_float32("t.f32", 0.1)
    writer.add_float64("t.f64", 0.1)
    writer.add_bool("t.yes", True)
    writer.add_bool("t.no", False)
    writer.add_string("t.text", "Ġgrüße 🙂")
    writer.add_array("t.texts", ["a", "", "ß"])
    writer.add_array("t.numbers", [1, -2, 3])
    writer.add_array("t.flags", [True, False])
    a = random.standard_normal((4, 64)).astype(np.float32)
    writer.add_tensor("a.weight", a)
    writer.add_tensor("b.weight", a.astype(np.float16))
    writer.add_tensor("c.weight", quantize(a, T.Q8_0), raw_dtype=T.Q8_0)
    writer.add_tensor("norm.weight", a[0])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    reader = gguf.GGUFReader(path)
    tensors = {
        t.name: dict(
            type=t.tensor_type.name,
            shape=[int(n) for n in reversed(t.shape)],
            offset=int(t.data_offset),
            values=text(dequantize(t.data, t.tensor_type).astype("<f4").tobytes()),
        )
        for t in reader.tensors
    }
    return dict(bytes=text(pathlib.Path(path).read_bytes()), tensors=tensors)


def main():
    with tempfile.TemporaryDirectory() as folder:
        record = dict(gguf="0.19.0", blocks=list(blocks()), file=whole_file(pathlib.Path(folder) / "a.gguf"))
        record["quantized"] = list(quantized())
    OUT.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
