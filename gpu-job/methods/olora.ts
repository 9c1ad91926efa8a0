import { householderQr } from '../combine/householder.ts';
import { leading, rowMajor } from './column-matrices.ts';
import type { LoraInitialisation } from './initialisation.ts';
import { openWeight } from './weight-products.ts';

/**
 * OLoRA (Buyukakyuz 2024, arXiv 2406.01775): of W = Q R, B begins as the first r columns of Q and A as the first r rows of R. Those columns
 * follow from the first r columns of W alone, and R = Q^T W.
 */
export const olora: LoraInitialisation = {
  takesFromBase: true,
  async factors({ base, target: { module, r }, linear: { inFeatures } }) {
    const weight = await openWeight(base, module);
    try {
      const Q = householderQr(await weight.times(leading(inFeatures, r))).multiplyQ(leading(r, r)); // [out, r]
      const R = await weight.transposedTimes(Q); // [in, r], the rows of R as columns
      return { A: Float32Array.from(R.data), B: rowMajor(Q) };
    } finally {
      await weight.close();
    }
  },
};
