import type { ApiClient } from '../../shared/contract/api-client.ts';
import type { CommandIo } from '../command.ts';
import { datasetFor } from './dataset-for.ts';
import { textAt } from './named-options.ts';

/** `general` of a spec as a request has it: rows that are a file here are sent unless they are there. */
export async function generalRequest(
  api: ApiClient,
  general: unknown,
  json: boolean,
  io: CommandIo,
): Promise<{ readonly general?: object }> {
  if (typeof general !== 'object' || general === null) return {};
  const { data, ...rest } = general as Readonly<Record<string, unknown>>;
  const text = textAt(data);
  if (text === undefined) return { general: rest };
  const { name } = await datasetFor(api, text, json, io);
  return { general: { ...rest, dataset: name } };
}
