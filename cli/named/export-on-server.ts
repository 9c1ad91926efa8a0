import { listJobFiles } from '../../shared/contract/jobs.ts';
import type { NamedForm } from '../command.ts';
import { connect } from '../server/connect.ts';
import { fetchFiles } from '../server/fetch-files.ts';
import { startJob } from '../server/start-job.ts';
import { parseVersionName } from '../server/version-name.ts';
import { refuseExisting } from '../transfers/receive-files.ts';
import { splitNamed, textAt } from './named-options.ts';

/** `lorary export` on the server; with `--output` the files are fetched into that folder when they are made. */
export const exportOnServer: NamedForm['run'] = async (spec, json, io) => {
  const { rest, options } = splitNamed(spec);
  const { base, adapter, output, ...settings } = rest;
  const folder = textAt(output);
  if (folder !== undefined) await refuseExisting(folder);
  const version = textAt(adapter) === undefined ? undefined : parseVersionName(textAt(adapter) ?? '');
  const request = {
    ...settings,
    ...version,
    ...(version || base === undefined ? {} : { base }),
  };
  const api = await connect(io);
  const names = {
    adapter: version ? [version.adapter] : [],
    base: !version && typeof base === 'string' ? [base] : [],
  };
  return startJob(
    api,
    request,
    {
      ...options,
      json,
      names,
      ...(folder === undefined ? {} : { whenDone: ({ id }) => fetchExport(id, folder) }),
    },
    io,
  );

  async function fetchExport(job: string, into: string): Promise<string> {
    const ask = async () => (await api.call(listJobFiles, { params: { job } })).files;
    return fetchFiles(into, ask, json, io);
  }
};
