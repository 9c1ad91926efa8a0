import type { GraphBuilder } from '../graph/builder.ts';
import { invariant } from '../../shared/errors.ts';
import { timesDim } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Method } from '../methods/method.ts';
import type { TokenPlaces } from '../nn/mask.ts';
import type { TensorValue } from '../runtime/session.ts';
import type { Batch } from './batches.ts';

/** The graph inputs that a batch fills, int64 [B, T] each; `tasks` where a method asks whose row each token is. T is a multiple of `unit`, an even number: H times it. */
export function batchInputs(
  graph: GraphBuilder,
  unit = 2,
  method?: Pick<Method, 'sharesRows'>,
): { inputIds: Tensor; labels: Tensor; places: TokenPlaces; tasks: Tensor | undefined } {
  const input = (name: string): Tensor => graph.input(name, 'int64', ['B', timesDim(unit, 'H')]);
  return {
    inputIds: input('input_ids'),
    labels: input('labels'),
    places: { positions: input('positions'), segments: input('segments') },
    tasks: method?.sharesRows ? input('tasks') : undefined,
  };
}

export function batchFeeds(batch: Batch): Record<'input_ids' | 'labels' | 'positions' | 'segments', TensorValue> {
  invariant(batch.length % 2 === 0, 'a batch has an even length');
  const dims = [batch.rows, batch.length];
  return {
    input_ids: { data: batch.inputIds, dims },
    labels: { data: batch.labels, dims },
    positions: { data: batch.positions, dims },
    segments: { data: batch.segments, dims },
    ...(batch.tasks ? { tasks: { data: batch.tasks, dims } } : {}),
  };
}
