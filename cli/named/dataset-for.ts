import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { getDataset, type Dataset } from '../../shared/contract/datasets.ts';
import { DomainError } from '../../shared/errors.ts';
import { rowExtensions } from '../../shared/files/row-files.ts';
import type { CommandIo } from '../command.ts';
import { pushDataset } from '../server/push-dataset.ts';
import { withSuggestions } from '../server/suggest.ts';

/** The dataset that a word means: a file here, sent unless its bytes are there already, or a name of the server. */
export async function datasetFor(api: ApiClient, text: string, json: boolean, io: CommandIo): Promise<Dataset> {
  if (!existsSync(text)) {
    if (/[\\/]/.test(text) || rowExtensions.includes(extname(text)))
      throw new DomainError('dataset', `There is no file ${text}.`);
    return withSuggestions(api, { dataset: [text] }, () => api.call(getDataset, { params: { dataset: text } }));
  }
  const { dataset, wasThere } = await pushDataset(api, text, { json }, io);
  if (wasThere && !json) io.note(`${text} is the dataset ${dataset.name}; it is there already.`);
  return dataset;
}
