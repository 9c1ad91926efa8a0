import { rowsBefore, type MixedPart } from '../../shared/domain/mixture.ts';
import { randomStream, shuffledIndices } from './random.ts';

/**
 * The order in which an epoch reads the rows of a mixture, the parts' rows standing behind one another: a function of seed and epoch alone. Each part is
 * shuffled anew for each pass over it; parts are spread evenly, so among the first rows of an epoch the number of each is its share to within half a row
 * and half a row for each part.
 */
export function mixedOrder(parts: readonly MixedPart[], seed: number, epoch: number): Int32Array {
  const queues = parts.map((_, i) => ({ place: 0, rows: partRows(parts, i, seed, epoch) }));
  const [only] = queues;
  if (queues.length === 1 && only) return only.rows;
  const order = new Int32Array(queues.reduce((sum, { rows }) => sum + rows.length, 0));
  for (let i = 0; i < order.length; i++) {
    // the part whose next row is due first: row k of n is due at (k + 1/2) / n; of equal ones the first
    const next = queues.reduce((a, b) => (dueAt(b) < dueAt(a) ? b : a));
    order[i] = next.rows[next.place++] as number; // what is at its end is due never
  }
  return order;
}

const dueAt = ({ place, rows }: { readonly place: number; readonly rows: Int32Array }): number =>
  place === rows.length ? Infinity : (place + 0.5) / rows.length;

/** What one part gives to an epoch, as indices among all rows. */
function partRows(parts: readonly MixedPart[], part: number, seed: number, epoch: number): Int32Array {
  const count = parts[part]?.rows ?? 0;
  const offset = parts.slice(0, part).reduce((sum, { rows }) => sum + rows, 0);
  const [start, end] = [rowsBefore(parts, part, epoch), rowsBefore(parts, part, epoch + 1)];
  const rows = new Int32Array(end - start);
  let pass = -1;
  let order = new Int32Array();
  for (let at = start; at < end; at++) {
    if (Math.floor(at / count) !== pass) {
      pass = Math.floor(at / count);
      order = shuffledIndices(count, randomStream(seed, 'shuffle', pass, part)) as Int32Array<ArrayBuffer>;
    }
    rows[at - start] = offset + (order[at % count] as number); // a whole pass was shuffled
  }
  return rows;
}
