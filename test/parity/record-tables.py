"""Writes tables as other tools write them, and the rows they hold as JSON lines: fixtures/tables/*.

    pip install pyarrow==26.0.1
    python record-tables.py
"""

import csv
import datetime
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

OUT = pathlib.Path(__file__).parent / "fixtures" / "tables"
OUT.mkdir(exist_ok=True)

PAIRS = [
    dict(prompt=f"What is {i} + {i}?", completion=f"It is {2 * i} — naïvely, 世界 👋🏽.\nNo, truly: \"{2 * i}\", so there.")
    for i in range(7)
]
CALL = dict(id="a1", type="function", function=dict(name="weather", arguments='{"city": "Zürich"}'))
CHATS = [
    [dict(role="user", content="Weather?"), dict(role="assistant", content=None, tool_calls=[CALL]), dict(role="tool", content="sunny"), dict(role="assistant", content="Sunny.")],
    [dict(role="system", content="Be brief."), dict(role="user", content="2+2"), dict(role="assistant", content="4", weight=0), dict(role="user", content="3+3"), dict(role="assistant", content="6", weight=1)],
    [dict(role="user", content="Hi"), dict(role="assistant", content="Hello")],
]


def jsonl(name, rows):
    (OUT / f"{name}.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


# every compression that pyarrow writes and readers of Parquet meet, each with another page format, encoding and number of row groups
for name, options in {
    "pairs-snappy": dict(compression="snappy", row_group_size=3),
    "pairs-zstd": dict(compression="zstd", data_page_version="2.0", use_dictionary=False),
    "pairs-gzip": dict(compression="gzip", use_dictionary=False, column_encoding=dict(prompt="DELTA_BYTE_ARRAY", completion="DELTA_BYTE_ARRAY")),
    "pairs-brotli": dict(compression="brotli", write_page_index=True),
    "pairs-lz4": dict(compression="lz4", use_dictionary=False, column_encoding=dict(completion="DELTA_LENGTH_BYTE_ARRAY")),
    "pairs-none": dict(compression="none", row_group_size=1),
}.items():
    rows = [dict(row, id=2**60 + i, at=datetime.datetime(2026, 1, 1 + i), score=i / 2) for i, row in enumerate(PAIRS)]
    pq.write_table(pa.Table.from_pylist(rows), OUT / f"{name}.parquet", **options)
jsonl("pairs", PAIRS)

pq.write_table(pa.Table.from_pylist([dict(messages=chat) for chat in CHATS]), OUT / "chats.parquet", row_group_size=2)
# what a struct column adds, keys that are null, is left out
jsonl("chats", [dict(messages=[{k: v for k, v in turn.items() if v is not None} for turn in chat]) for chat in CHATS])

for name, dialect in {"pairs.csv": "excel", "pairs.tsv": "excel-tab"}.items():
    with (OUT / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["prompt", "completion"], dialect=dialect)
        writer.writeheader()
        writer.writerows(PAIRS)
with (OUT / "chats.csv").open("w", newline="", encoding="utf-8-sig") as file:  # with the mark that Excel writes
    writer = csv.writer(file)
    writer.writerow(["id", "messages"])
    writer.writerows([i, json.dumps(chat, ensure_ascii=False)] for i, chat in enumerate(CHATS))
