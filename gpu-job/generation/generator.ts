import { invariant } from '../../shared/errors.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { openDerivedValues } from '../methods/derived-values.ts';
import { forward, type TunedModel } from '../methods/tuned-model.ts';
import { headLogits } from '../nn/output-head.ts';
import { longTextTokens } from '../nn/decoder-spec.ts';
import { createSession, float32Of, type TensorValue } from '../runtime/session.ts';
import { parameterFeeds } from '../training/parameter-feeds.ts';
import { ropeFeed } from '../training/rope-feed.ts';
import type { StepOptions } from '../training/step-graph.ts';
import { sessionWeights } from '../training/session-weights.ts';
import { stepMemory } from '../../shared/domain/step-memory.ts';
import { pickToken, type Sampling } from './sampling.ts';

export interface GenerateRequest extends Sampling {
  /** Token ids the text begins with; at least one. */
  readonly promptIds: readonly number[];
  readonly maxNewTokens: number;
  /** Generation ends after any of these; the stop token itself is yielded. */
  readonly stopIds: readonly number[];
  /** Uniform in [0, 1); needed only when the temperature is above 0. */
  readonly random?: () => number;
}

/** Continues texts token by token with cached keys and values. */
export interface Generator {
  generate(parameters: ReadonlyMap<string, Float32Array>, request: GenerateRequest): AsyncGenerator<number>;
  close(): Promise<void>;
}

/** Compiles a tuned model (or a bare base) for generation. */
export async function createGenerator(model: TunedModel, options: StepOptions = {}): Promise<Generator> {
  const { memory = stepMemory.fast, ...rest } = options;
  const sessionOptions = { ...rest, ...sessionWeights(model, memory) };
  const session = await createSession(generatorGraph(model), sessionOptions);
  const derived = await openDerivedValues(model, rest);
  const rope = ropeFeed(model.spec);
  const { layers, kvHeads, headDim, maxPositions } = model.spec;
  const shortTokens = longTextTokens(model.spec);

  const step = async (
    values: Record<string, TensorValue>,
    tokens: readonly number[],
    past: number,
    cache: Record<string, TensorValue>,
  ): Promise<{ logits: Float32Array; cache: Record<string, TensorValue> }> => {
    const row = (values: readonly number[]): TensorValue => ({
      data: BigInt64Array.from(values, BigInt),
      dims: [1, values.length],
    });
    const known = past + tokens.length;
    const positions = row(tokens.map((_, i) => past + i));
    const results = await session.run({
      ...rope(known, positions),
      ...cache,
      ...values,
      input_ids: row(tokens),
      positions,
      segments: row(tokens.map(() => 1)),
      key_positions: row(Array.from({ length: known }, (_, i) => i)),
      key_segments: row(Array.from({ length: known }, () => 1)),
      logit_rows: { data: BigInt64Array.of(BigInt(tokens.length - 1)), dims: [1] },
    });
    const next: Record<string, TensorValue> = {};
    for (const name of cacheNames(layers)) {
      const value = results[`present ${name}`];
      invariant(value, `the cache ${name} is a result`);
      next[`past ${name}`] = value;
    }
    return { logits: float32Of(results, 'logits'), cache: next };
  };

  return {
    async *generate(parameters, request) {
      const { promptIds, maxNewTokens, stopIds, random = Math.random } = request;
      invariant(promptIds.length > 0, 'a prompt holds at least one token');
      const empty: TensorValue = { data: new Float32Array(0), dims: [1, kvHeads, 0, headDim] };
      const emptyCache = Object.fromEntries(cacheNames(layers).map((name) => [`past ${name}`, empty]));
      // computed anew for each text: training changes parameters in their place
      const values = { ...parameterFeeds(model, parameters), ...(await derived.of(parameters)) };
      let cache = emptyCache;
      let pending = promptIds;
      const text = [...promptIds];
      let past = 0;
      const end = Math.min(promptIds.length + maxNewTokens, maxPositions);
      while (past + pending.length < end) {
        const result = await step(values, pending, past, cache);
        past += pending.length;
        cache = result.cache;
        const token = pickToken(result.logits, request, random);
        yield token;
        if (stopIds.includes(token)) return;
        text.push(token);
        pending = [token];
        // what is cached was turned as a short text is
        if (past === shortTokens) [pending, past, cache] = [text, 0, emptyCache];
      }
    },
    async close() {
      await derived.close();
      await session.close();
    },
  };
}

const cacheNames = (layers: number): string[] =>
  Array.from({ length: layers }, (_, i) => [`keys ${i}`, `values ${i}`]).flat();

/** P tokens are cached, T are new, S = P + T: the caller feeds places for all S. */
export function generatorGraph(model: TunedModel): GraphBuilder {
  const graph = new GraphBuilder();
  const integers = (name: string, dims: readonly string[]) => graph.input(name, 'int64', dims);
  const { kvHeads, headDim } = model.spec;
  const join = (name: string, added: Parameters<GraphBuilder['output']>[1]) => {
    const past = graph.input(`past ${name}`, graph.float, ['B', kvHeads, 'P', headDim]);
    const joined = graph.concat([past, added], 2, 'S');
    graph.output(`present ${name}`, joined);
    return joined;
  };
  const { states, head } = forward(graph, model, {
    inputIds: integers('input_ids', ['B', 'T']),
    queries: { positions: integers('positions', ['B', 'T']), segments: integers('segments', ['B', 'T']) },
    keys: { positions: integers('key_positions', ['B', 'S']), segments: integers('key_segments', ['B', 'S']) },
    derivedFed: true,
    joinCache: (layer, keys, values) => ({
      keys: join(`keys ${layer}`, keys),
      values: join(`values ${layer}`, values),
    }),
  });
  const rows = integers('logit_rows', ['K']);
  const { hidden, low } = states;
  const last = { hidden: graph.gather(hidden, rows), ...(low ? { low: graph.gather(low, rows) } : {}) }; // [K, H], [K, r]
  graph.output('logits', headLogits(graph, last, head));
  return graph;
}
