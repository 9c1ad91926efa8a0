import { DomainError } from '../../shared/errors.ts';
import type { NamedForm } from '../command.ts';
import { connect } from '../server/connect.ts';
import { startJob } from '../server/start-job.ts';
import { parseVersionName } from '../server/version-name.ts';
import { baseOfAdapter } from './base-of-adapter.ts';
import { datasetFor } from './dataset-for.ts';
import { generalRequest } from './general-request.ts';
import { splitNamed, textAt } from './named-options.ts';

/** `lorary eval` on the server. An adapter knows its base. */
export const evaluateOnServer: NamedForm['run'] = async (spec, json, io) => {
  const { rest, options } = splitNamed(spec);
  const { base: baseText, adapter: adapterText, data, general, ...settings } = rest;
  const dataText = textAt(data);
  if (dataText === undefined) throw new DomainError('usage', 'The rows to measure on are missing: --data FILE');
  const api = await connect(io);
  const version = textAt(adapterText) === undefined ? undefined : parseVersionName(textAt(adapterText) ?? '');
  const base = textAt(baseText) ?? (await baseOfAdapter(api, version?.adapter ?? ''));
  const dataset = await datasetFor(api, dataText, json, io);
  const asked = await generalRequest(api, general, json, io);
  const request = { ...settings, ...asked, base, ...version, dataset: dataset.name };
  const names = { base: [base], adapter: version ? [version.adapter] : [], dataset: [dataset.name] };
  return startJob(api, request, { ...options, json, names }, io);
};
