import type { z } from 'zod';
import { trainRequest, type trainTasksRequest } from '../contract/train-requests.ts';

export type TrainRequest = z.output<typeof trainRequest>;
export type TrainTasksRequest = z.output<typeof trainTasksRequest>;

/** The training that each of several tasks would be by itself, in their order. */
export function taskRequests({ train, tasks }: Pick<TrainTasksRequest, 'train' | 'tasks'>): TrainRequest[] {
  return tasks.map((task) => {
    const own = Object.fromEntries(Object.entries(task).filter(([, value]) => value !== undefined));
    // a length of its own takes the place of any other
    const hasLength = ['epochs', 'steps', 'tokens'].some((key) => key in own);
    const { epochs: _epochs, steps: _steps, tokens: _tokens, ...rest } = train;
    return trainRequest.parse({ kind: 'train', ...(hasLength ? rest : train), ...own });
  });
}

/** Where in the request what a task would be refused for by itself stands: in the task, or in what all share. */
export function placeOfTask({ tasks }: Pick<TrainTasksRequest, 'tasks'>, task: number, where: string): string {
  const [key = ''] = where.split(/[.[]/);
  const own = new Set(
    Object.entries(tasks[task] ?? {}).flatMap(([name, value]) => (value === undefined ? [] : [name])),
  );
  return own.has(key) ? `tasks[${task}].${where}` : `train.${where}`;
}
