import { splitRef } from '../../shared/domain/adapter-ref.ts';
import { DomainError } from '../../shared/errors.ts';
import type { NamedForm } from '../command.ts';
import { connect } from '../server/connect.ts';
import { startJob } from '../server/start-job.ts';
import { parseVersionName } from '../server/version-name.ts';
import { splitNamed, textAt } from './named-options.ts';

/** `lorary merge` on the server: the base is that of the adapter, and the result becomes a base. */
export const mergeOnServer: NamedForm['run'] = async (spec, json, io) => {
  const { rest, options } = splitNamed(spec);
  const { base, adapter, output, ...settings } = rest;
  const adapterText = textAt(adapter);
  if (adapterText === undefined) throw new DomainError('usage', 'The adapter is missing: --adapter NAME');
  if (base !== undefined) throw new DomainError('usage', 'An adapter on the server knows its base: leave --base out.');
  const version = parseVersionName(adapterText);
  const name = textAt(output) ?? `${splitRef(version.adapter).name}-merged`;
  if (!json && output === undefined) io.note(`--output ${name}: after the adapter`);
  const request = { ...settings, ...version, output: { base: name } };
  return startJob(await connect(io), request, { ...options, json, names: { adapter: [version.adapter] } }, io);
};
