import { generateText } from '../../shared/contract/generate.ts';
import { issueFindings } from '../../shared/contract/specs/issue-findings.ts';
import { DomainError, refuseErrors } from '../../shared/errors.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import type { NamedForm } from '../command.ts';
import { reportText } from '../report-text.ts';
import { connect } from '../server/connect.ts';
import { startJob } from '../server/start-job.ts';
import { withSuggestions } from '../server/suggest.ts';
import { parseVersionName } from '../server/version-name.ts';
import { splitNamed, textAt } from './named-options.ts';

/** `lorary generate` on the server: at once where it keeps models warm, by a job where it does not. */
export const generateOnServer: NamedForm['run'] = async (spec, json, io) => {
  const { kind: _, adapter, ...settings } = splitNamed(spec).rest;
  const version = textAt(adapter) === undefined ? undefined : parseVersionName(textAt(adapter) ?? '');
  const parsed = generateText.body.safeParse({ ...settings, ...version }, { reportInput: true });
  if (!parsed.success) {
    refuseErrors('spec', 'This cannot be generated:', issueFindings(generateText.body, parsed.error.issues));
    throw parsed.error;
  }
  const { data: body } = parsed;
  const names = { adapter: version ? [version.adapter] : [], base: body.base === undefined ? [] : [body.base] };
  const api = await connect(io);
  let answer;
  try {
    answer = await withSuggestions(api, names, () => api.call(generateText, { body }));
  } catch (error) {
    if (!(error instanceof DomainError && error.code === 'not-available-here')) throw error;
    return startJob(api, { kind: 'generate', ...body }, { json, dryRun: false, detach: false, names }, io);
  }
  io.print(json ? JSON.stringify(answer) : reportText({ kind: 'generate', warnings: [], ...answer }));
  return exitCodes.done;
};
