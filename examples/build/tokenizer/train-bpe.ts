/** A merge joins two neighbouring symbols into one; symbols are written in the byte alphabet of `byteAlphabet`. */
export type Merge = readonly [left: string, right: string];

interface Word {
  symbols: string[];
  readonly count: number;
}

/**
 * Learns byte-pair merges (Sennrich et al. 2016, arXiv 1508.07909) from words with their counts: the most frequent pair is joined
 * first, equal pairs in code-point order. Stops when the merges have made `symbolsMax` different symbols beside the 256 bytes, or when
 * no pair occurs twice.
 */
export function trainBpe(wordCounts: ReadonlyMap<string, number>, symbolsMax: number): Merge[] {
  const alphabet = byteAlphabet();
  const words: Word[] = [...wordCounts].map(([word, count]) => ({
    symbols: Array.from(new TextEncoder().encode(word), (byte) => alphabet[byte] ?? ''),
    count,
  }));
  const pairs = new PairCounts();
  for (const [index, word] of words.entries()) pairs.add(word, index);
  const merges: Merge[] = [];
  const made = new Set<string>(); // two merges can make the same symbol: "a"+"bc" and "ab"+"c"
  while (made.size < symbolsMax) {
    const best = pairs.mostFrequent();
    if (!best) break;
    merges.push(best.merge);
    made.add(best.merge.join(''));
    for (const index of best.words) {
      const word = words[index];
      if (!word) continue;
      pairs.remove(word);
      word.symbols = applyMerge(word.symbols, best.merge);
      pairs.add(word, index);
    }
  }
  return merges;
}

/** GPT-2's printable stand-in for each byte: printable Latin-1 bytes are themselves, the others follow from U+0100 on. */
export function byteAlphabet(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCodePoint(printable ? byte : next++);
  });
}

export function applyMerge(symbols: readonly string[], [left, right]: Merge): string[] {
  const merged: string[] = [];
  for (let i = 0; i < symbols.length; i++) {
    const joins = symbols[i] === left && symbols[i + 1] === right;
    merged.push(joins ? left + right : (symbols[i] as string)); // i is bounded by the loop
    if (joins) i++;
  }
  return merged;
}

interface PairEntry {
  readonly merge: Merge;
  count: number;
  /** Words that hold the pair, or held it once. */
  readonly words: Set<number>;
}

class PairCounts {
  private readonly entries = new Map<string, PairEntry>();

  add(word: Word, index: number): void {
    this.change(word, word.count, index);
  }

  remove(word: Word): void {
    this.change(word, -word.count);
  }

  mostFrequent(): PairEntry | undefined {
    let best: PairEntry | undefined;
    let bestKey = '';
    for (const [key, entry] of this.entries) {
      if (entry.count < 2) continue;
      if (!best || entry.count > best.count || (entry.count === best.count && key < bestKey)) {
        best = entry;
        bestKey = key;
      }
    }
    return best;
  }

  private change({ symbols }: Word, amount: number, index?: number): void {
    for (let i = 0; i + 1 < symbols.length; i++) {
      const left = symbols[i] as string;
      const right = symbols[i + 1] as string;
      const key = `${left} ${right}`; // the alphabet has no space
      let entry = this.entries.get(key);
      if (!entry) this.entries.set(key, (entry = { merge: [left, right], count: 0, words: new Set() }));
      entry.count += amount;
      if (index !== undefined) entry.words.add(index);
      if (entry.count === 0) this.entries.delete(key);
    }
  }
}
