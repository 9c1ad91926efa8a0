import type { ApiClient } from '../../shared/contract/api-client.ts';
import { whoAmI } from '../../shared/contract/keys.ts';
import type { Scope } from '../../shared/contract/scopes.ts';
import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { ask } from '../ask.ts';
import type { CommandIo } from '../command.ts';
import { connectTo } from '../server/connect.ts';
import { findCredentials, findKey } from '../server/credentials.ts';
import { viewOf } from '../server/transfer.ts';
import { carryOut } from './carry-out.ts';
import { readLibrary } from './library.ts';
import { leftText, movedText, planText, summaryOf } from './move-text.ts';
import { planMove } from './plan-move.ts';

export interface PushAllOptions {
  readonly to: string;
  readonly from: string | undefined;
  readonly key: string | undefined;
  readonly dryRun: boolean;
}

/** Brings the library of one server to another. Resolves to the exit code: 2 when somebody has to do something about what stayed. */
export async function pushAll(options: PushAllOptions, json: boolean, io: CommandIo): Promise<number> {
  const { from, to } = await connectBoth(options, io);
  const plan = planMove(await readLibrary(from), await readLibrary(to));
  if (options.dryRun) {
    io.print(json ? JSON.stringify({ to: to.url, dryRun: true, ...summaryOf(plan) }) : planText(plan, to.url));
    return plan.left.some(({ conflict }) => conflict) ? exitCodes.refused : exitCodes.done;
  }
  const view = viewOf(json, io);
  const aside = { note: (text: string): void => view.note(text) };
  const { done, failed } = await carryOut(plan, { from, to, view, now: () => io.screen.now() }, aside).finally(() =>
    view.end(),
  );
  const left = [...plan.left, ...failed];
  const { thereCount } = plan;
  if (json) {
    const bytes = done.reduce((sum, one) => sum + one.bytes, 0);
    io.print(JSON.stringify({ to: to.url, dryRun: false, moved: done, left, thereCount, bytes }));
  } else {
    for (const one of left) io.note(leftText(one));
    io.print(movedText(done, left, thereCount, to.url));
  }
  return left.some(({ conflict }) => conflict) ? exitCodes.refused : exitCodes.done;
}

async function connectBoth(
  { to: given, from: source, key }: PushAllOptions,
  { environment }: CommandIo,
): Promise<{ readonly from: ApiClient; readonly to: ApiClient }> {
  const to = given.replace(/\/+$/, '');
  if (!URL.canParse(to) || !/^https?:/.test(to))
    throw new DomainError('usage', `"${given}" is no address of a server; wanted is --to http://HOST:PORT`);
  const known = key ?? (environment['LORARY_TO_KEY'] || (await findKey(environment, to)));
  const there = connectTo({ url: to, key: known ?? (await ask(`Key for ${to}: `, '--key KEY', true)).trim() });
  const here =
    source === undefined ? connectTo(await findCredentials(environment)) : await connectFrom(source, environment);
  const who = { here: await here.call(whoAmI, {}), there: await there.call(whoAmI, {}) };
  if (here.url === to && who.here.team === who.there.team)
    throw new DomainError('usage', `${to} is where the library is: name the server that has it with --from URL.`);
  const missing = needed.filter((scope) => !who.there.key.scopes.includes(scope));
  if (missing.length > 0)
    throw new DomainError('missing-scope', `The key for ${to} lacks ${missing.join(', ')}, which a library takes.`);
  return { from: here, to: there };
}

const needed: readonly Scope[] = [
  'adapters:read',
  'adapters:write',
  'aliases:promote',
  'datasets:read',
  'datasets:write',
  'bases:write',
];

async function connectFrom(source: string, environment: CommandIo['environment']): Promise<ApiClient> {
  const url = source.replace(/\/+$/, '');
  const key = await findKey(environment, url);
  if (key === undefined)
    throw new DomainError('no-server', `There was no login at ${url}: lorary login --url ${url} --key KEY`);
  return connectTo({ url, key });
}
