import type { Diagnosis } from '../../shared/domain/diagnosis.ts';
import type { Account, Quota } from './account.ts';
import type { StageSettings } from './stage-settings.ts';

/** Everything that a deployment and its jobs need of an account, all at once. */
export async function examineAccount(account: Account, settings: StageSettings): Promise<Diagnosis[]> {
  const { region, gpuFamilies } = settings;
  const who = await asked('credentials', async () => account.identity());
  if ('verdict' in who)
    // without them nothing else can be asked
    return [{ ...who, detail: `${who.detail}: sign in with "aws configure" or "aws sso login", or set AWS_PROFILE` }];
  const found = await Promise.all([
    asked('bootstrap', async () => bootstrapCheck(await account.bootstrapVersion(), who.account, region)),
    asked('quotas', async () => quotaChecks(await account.machineQuotas(), gpuFamilies)),
    asked('zones', async () => zoneChecks(await account.offerings(gpuFamilies), settings)),
  ]);
  return [identityCheck(who, settings.account), ...found.flat()];
}

/** What a question comes to; one that AWS does not answer is bad, whatever it says. */
async function asked<T>(what: string, question: () => Promise<T>): Promise<T | Diagnosis> {
  try {
    return await question();
  } catch (error) {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return { what, verdict: 'bad', detail: reason.split('\n')[0] ?? '' };
  }
}

function identityCheck(who: { readonly account: string; readonly arn: string }, wanted?: string): Diagnosis {
  const what = 'credentials';
  if (wanted === undefined || wanted === who.account)
    return { what, verdict: 'good', detail: `account ${who.account}, as ${who.arn}` };
  return { what, verdict: 'bad', detail: `of account ${who.account}, and the stage is for ${wanted}` };
}

/** From this version on there is a role that may look things up, which a pull request becomes. */
const bootstrapVersionMin = 8;

function bootstrapCheck(version: number | undefined, account: string, region: string): Diagnosis {
  const what = 'bootstrap';
  const otherwise = `run: npx cdk bootstrap aws://${account}/${region}`;
  if (version === undefined) return { what, verdict: 'bad', detail: `there is none in ${region}; ${otherwise}` };
  if (version >= bootstrapVersionMin) return { what, verdict: 'good', detail: `version ${version}` };
  return { what, verdict: 'bad', detail: `version ${version} is older than ${bootstrapVersionMin}; ${otherwise}` };
}

/** How AWS names the bounds on a kind of machine, and what the smallest of them takes. */
const kinds = {
  g: { ordinary: 'Running On-Demand G and VT instances', spare: 'All G and VT Spot Instance Requests', vcpus: 4 },
  p: { ordinary: 'Running On-Demand P instances', spare: 'All P5 Spot Instance Requests', vcpus: 16 },
} as const;

function quotaChecks(quotas: readonly Quota[], families: readonly string[]): Diagnosis[] {
  return Object.entries(kinds)
    .filter(([letter]) => families.some((family) => family.startsWith(letter)))
    .flatMap(([, { ordinary, spare, vcpus }]) => {
      const rooms = [ordinary, spare].map((name) => ({ name, quota: quotas.find((quota) => quota.name === name) }));
      const usable = rooms.filter(({ quota }) => (quota?.vcpus ?? 0) >= vcpus).length;
      return rooms.map(({ name, quota }): Diagnosis => {
        const found = quota?.vcpus ?? 0;
        if (found >= vcpus) return { what: name, verdict: 'good', detail: `${found} vCPUs` };
        const request = `aws service-quotas request-service-quota-increase --service-code ec2 --quota-code ${quota?.code ?? 'CODE'} --desired-value ${2 * vcpus}`;
        const effect = usable === 0 ? 'no job will ever start' : 'jobs have the other kind only';
        const detail = `${found} vCPUs, and the smallest machine takes ${vcpus}: ${effect}; ask for more: ${request}`;
        return { what: name, verdict: usable === 0 ? 'bad' : 'warning', detail };
      });
    });
}

function zoneChecks(
  offerings: ReadonlyMap<string, readonly string[]>,
  { availabilityZones, gpuFamilies }: StageSettings,
): Diagnosis[] {
  const has = (zone: string, family: string): boolean =>
    offerings.get(zone)?.some((type) => type.startsWith(`${family}.`)) ?? false;
  const zones = availabilityZones.map((zone): Diagnosis => {
    const there = gpuFamilies.filter((family) => has(zone, family));
    if (there.length > 0 || gpuFamilies.length === 0)
      return { what: zone, verdict: 'good', detail: there.join(', ') || 'machines without a GPU' };
    return {
      what: zone,
      verdict: 'warning',
      detail: 'has none of the families: another zone would have more machines',
    };
  });
  const nowhere = gpuFamilies.filter((family) => !availabilityZones.some((zone) => has(zone, family)));
  return [
    ...zones,
    ...nowhere.map((family): Diagnosis => {
      const elsewhere = [...offerings.keys()].filter((zone) => has(zone, family)).toSorted();
      const hint = elsewhere.length > 0 ? `add one of ${elsewhere.join(', ')}` : 'this region has none';
      return { what: family, verdict: 'bad', detail: `in no zone of the stage: ${hint}, or take the family out` };
    }),
  ];
}
