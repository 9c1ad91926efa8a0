/** How the next token is picked from the logits. */
export interface Sampling {
  /** 0: the likeliest token, always. Above: logits are divided by it before sampling. */
  readonly temperature: number;
  /** Only the k likeliest tokens are drawn from; 0: all. */
  readonly topK?: number;
  /** Only the smallest set of likeliest tokens whose probabilities reach this sum is drawn from; 1: all. */
  readonly topP?: number;
}

/** Picks a token. `random` is uniform in [0, 1) and is not called for greedy picks. Ties go to the smaller id. */
export function pickToken(logits: Float32Array, sampling: Sampling, random: () => number): number {
  if (sampling.temperature === 0) return argMax(logits);
  const order = Array.from(logits.keys()).toSorted(
    (a, b) => (logits[b] as number) - (logits[a] as number) || a - b, // keys of the array itself
  );
  const top = sampling.topK ? order.slice(0, sampling.topK) : order;
  const largest = logits[top[0] ?? 0] as number;
  const weights = top.map((id) => Math.exp(((logits[id] as number) - largest) / sampling.temperature));
  const kept = nucleus(weights, sampling.topP ?? 1);
  const total = weights.slice(0, kept).reduce((sum, weight) => sum + weight, 0);
  let left = random() * total;
  for (let i = 0; i < kept; i++) {
    left -= weights[i] as number;
    if (left < 0) return top[i] as number;
  }
  return top[kept - 1] as number; // rounding left a crumb
}

/** How many of the descending weights it takes to reach the share `topP` of their sum; at least one. */
function nucleus(weights: readonly number[], topP: number): number {
  if (topP >= 1) return weights.length;
  const target = topP * weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  for (const [i, weight] of weights.entries()) {
    sum += weight;
    if (sum >= target) return i + 1;
  }
  return weights.length;
}

function argMax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}
