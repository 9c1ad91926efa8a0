import type { ApiClient } from '../../shared/contract/api-client.ts';
import { createComposition } from '../../shared/contract/compositions.ts';
import { issueFindings } from '../../shared/contract/specs/issue-findings.ts';
import { splitRef } from '../../shared/domain/adapter-ref.ts';
import { DomainError, refuseErrors } from '../../shared/errors.ts';
import type { NamedForm } from '../command.ts';
import { connect } from '../server/connect.ts';
import { startJob } from '../server/start-job.ts';
import { withSuggestions } from '../server/suggest.ts';
import { parseVersionName } from '../server/version-name.ts';
import { splitNamed, textAt } from './named-options.ts';
import { membersOf } from './subjects.ts';

/** `lorary compose` on the server: the recipe is kept as a composition, and a job makes a version of it. */
export const composeOnServer: NamedForm['run'] = async (spec, json, io) => {
  const { rest, options } = splitNamed(spec);
  const { kind: _, members: __, output, ...recipe } = rest;
  const members = membersOf(spec).map(({ adapter, weight }) => ({
    ...parseVersionName(adapter),
    ...(weight === undefined ? {} : { weight }),
  }));
  const adapter = textAt(output) ?? [...new Set(members.map((member) => splitRef(member.adapter).name))].join('-');
  if (!json && output === undefined) io.note(`--output ${adapter}: after its members`);
  const api = await connect(io);
  const names = { adapter: members.map((member) => member.adapter) };
  const composition = await withSuggestions(api, names, () => keepRecipe(api, adapter, { ...recipe, members }));
  if (!json) io.note(`The recipe is kept as the composition ${composition}.`);
  const request = { kind: 'compose', composition, output: { adapter } };
  return startJob(api, request, { ...options, json, names: {} }, io);
};

/** Keeps it under the first free one of `name`, `name-2`, `name-3`...: a recipe never changes, so a new one needs a new name. */
async function keepRecipe(api: ApiClient, name: string, recipe: Readonly<Record<string, unknown>>): Promise<string> {
  for (let number = 1; ; number++) {
    const parsed = createComposition.body.safeParse(
      { ...recipe, name: number === 1 ? name : `${name}-${number}` },
      { reportInput: true },
    );
    if (!parsed.success)
      refuseErrors('spec', 'These cannot be composed:', issueFindings(createComposition.body, parsed.error.issues));
    else
      try {
        return (await api.call(createComposition, { body: parsed.data })).name;
      } catch (error) {
        if (!(error instanceof DomainError && error.code === 'name-taken') || number === namesTried) throw error;
      }
  }
}

const namesTried = 100;
