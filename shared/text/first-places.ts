import { textHash } from './text-hash.ts';

/** Tells where a text was seen first, without keeping the text: at most 34 bytes of memory a text, 51 while the table grows. */
export interface FirstPlaces {
  /** The place of the first equal text; undefined where this is it, and it is kept then. Places count from 1. */
  firstOf(text: string, place: number): number | undefined;
}

/** An empty one. Two different texts count as equal as rarely as their hashes meet: see `textHash`. */
export function firstPlaces(): FirstPlaces {
  let table = emptyTable(1024);
  let used = 0;
  return {
    firstOf(text, place) {
      const [high, low] = textHash(text);
      const at = slotOf(table, high, low);
      const first = table.places[at] as number; // slots lie within the table
      if (first > 0) return first;
      put(table, at, high, low, place);
      used++;
      if (used > fillMax * table.places.length) table = doubled(table);
      return undefined;
    },
  };
}

/** Share of the slots in use above which looking for a free one gets slow. */
const fillMax = 0.7;

/** Open addressing, the next slot where one is taken; a place of 0 is a free slot. */
interface Table {
  readonly highs: Uint32Array;
  readonly lows: Uint32Array;
  readonly places: Uint32Array;
}

/** `slots`: a power of two. */
const emptyTable = (slots: number): Table => ({
  highs: new Uint32Array(slots),
  lows: new Uint32Array(slots),
  places: new Uint32Array(slots),
});

/** Where this hash stands, or the free slot where it would. */
function slotOf({ highs, lows, places }: Table, high: number, low: number): number {
  const mask = places.length - 1;
  let at = low & mask;
  while (places[at] !== 0 && (lows[at] !== low || highs[at] !== high)) at = (at + 1) & mask;
  return at;
}

function put({ highs, lows, places }: Table, at: number, high: number, low: number, place: number): void {
  [highs[at], lows[at], places[at]] = [high, low, place];
}

function doubled({ highs, lows, places }: Table): Table {
  const table = emptyTable(2 * places.length);
  for (const [i, place] of places.entries()) {
    const [high, low] = [highs[i] as number, lows[i] as number]; // as long as places
    if (place > 0) put(table, slotOf(table, high, low), high, low, place);
  }
  return table;
}
