import { hashFraction, hashOrder } from '../hash-order.ts';
import type { Document } from '../sources/books.ts';
import type { Country } from '../sources/countries.ts';
import type { Synset } from '../sources/wordnet.ts';
import { packPieces, splitText } from './split-text.ts';

export interface ConversationSources {
  readonly synsets: readonly Synset[];
  readonly documents: readonly Document[];
  readonly countries: readonly Country[];
  readonly countTokens: (text: string) => number;
}

interface Exchange {
  readonly question: string;
  readonly answer: string;
}

/** Of all synsets, how many are asked about; with the rest this makes about a tenth of the corpus. */
const askedSynsets = 12_000;
const continuations = 1500;
const continuationTokensMax = 90;

/**
 * Conversations in the chat template's own form, so that the base knows turns and where an answer ends: what a word means, words for
 * a meaning, example sentences, other words, capitals and currencies, a passage continued. One to three exchanges each.
 */
export function conversations(sources: ConversationSources): string[] {
  const exchanges = [
    ...hashOrder('asked', sources.synsets, synsetKey).slice(0, askedSynsets).map(aboutSynset),
    ...sources.countries.flatMap(aboutCountry),
    ...continued(sources),
  ];
  return inGroups(hashOrder('conversations', exchanges, ({ question }) => question)).map(renderConversation);
}

/** ChatML, the form that the template in tokenizer_config.json writes. */
function renderConversation(exchanges: readonly Exchange[]): string {
  return exchanges
    .map(
      ({ question, answer }) => `<|im_start|>user\n${question}<|im_end|>\n<|im_start|>assistant\n${answer}<|im_end|>\n`,
    )
    .join('');
}

const synsetKey = ({ lemmas, definition }: Synset): string => `${lemmas.join()} ${definition}`;

function aboutSynset(synset: Synset): Exchange {
  const { lemmas, definition, examples } = synset;
  const [word = '', other] = lemmas;
  const [example] = examples;
  const draw = hashFraction('question', synsetKey(synset));
  if (example !== undefined && draw < 0.3)
    return { question: `Use "${word}" in a sentence.`, answer: sentence(example) };
  if (other !== undefined && draw < 0.5) return { question: `Give another word for ${word}.`, answer: other };
  if (draw < 0.7) return { question: `Which word means: ${definition}?`, answer: word };
  if (draw < 0.85) return { question: `What does ${word} mean?`, answer: sentence(definition) };
  return { question: `Define ${word}.`, answer: sentence(definition) };
}

const sentence = (text: string): string =>
  `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;

function aboutCountry({ name, capital, currency }: Country): Exchange[] {
  return [
    { question: `What is the capital of ${name}?`, answer: `The capital of ${name} is ${capital}.` },
    { question: `Which country has the capital ${capital}?`, answer: name },
    { question: `What money do people use in ${name}?`, answer: sentence(currency) },
  ];
}

function continued({ documents, countTokens }: ConversationSources): Exchange[] {
  const passages = documents.flatMap(({ name, text }) => {
    const rows = packPieces(splitText(text), countTokens, continuationTokensMax);
    return rows.slice(1).map((answer, i) => ({ key: `${name} ${i}`, question: `Go on: ${rows[i] ?? ''}`, answer }));
  });
  return hashOrder('continued', passages, ({ key }) => key).slice(0, continuations);
}

/** Groups of 1, 2 and 3 in turn. */
function inGroups<T>(items: readonly T[]): T[][] {
  const groups: T[][] = [];
  for (let at = 0; at < items.length;) {
    const size = 1 + (groups.length % 3);
    groups.push(items.slice(at, at + size));
    at += size;
  }
  return groups;
}
