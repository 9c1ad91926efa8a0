import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { synthStage, type SynthStage } from './synth-stage.ts';

interface Behaviour {
  readonly PathPattern?: string;
  readonly FunctionAssociations?: readonly { readonly EventType: string; readonly FunctionARN: unknown }[];
}
interface DistributionConfig {
  readonly DefaultCacheBehavior: Behaviour;
  readonly CacheBehaviors: readonly Behaviour[];
  readonly CustomErrorResponses?: unknown;
}

const stage = synthStage();

function configOf({ ofType }: Pick<SynthStage, 'ofType'>): DistributionConfig {
  const [distribution] = ofType('AWS::CloudFront::Distribution');
  const { DistributionConfig } = (distribution?.Properties ?? {}) as unknown as {
    DistributionConfig: DistributionConfig;
  }; // as CloudFormation has it
  return DistributionConfig;
}

/** What of a distribution would answer a call of the API with a page of the console. */
function swallowed({ CacheBehaviors, CustomErrorResponses }: DistributionConfig): string[] {
  return [
    ...(CustomErrorResponses === undefined ? [] : ['every error of every origin']),
    ...CacheBehaviors.flatMap(({ PathPattern = '', FunctionAssociations = [] }) =>
      FunctionAssociations.length > 0 ? [PathPattern] : [],
    ),
  ];
}

/** What the distribution asks the bucket for. */
function askedFor(uri: string): string {
  const [routes] = stage.ofType('AWS::CloudFront::Function');
  const { FunctionCode } = (routes?.Properties ?? {}) as unknown as { FunctionCode: string }; // as CloudFormation has it
  const request = runInNewContext(`${FunctionCode}; handler({ request: { uri: ${JSON.stringify(uri)} } })`) as {
    uri: string;
  };
  return request.uri;
}

test('errors of the API stay what they are: no page stands in for them', () => {
  const config = configOf(stage);
  expect(swallowed(config)).toEqual([]);
  expect(swallowed({ ...config, CustomErrorResponses: [{ ErrorCode: 404, ResponsePagePath: '/index.html' }] })).toEqual(
    ['every error of every origin'],
  );
  const everywhere = config.CacheBehaviors.map((one) => ({
    ...one,
    ...config.DefaultCacheBehavior,
    PathPattern: '/v1/*',
  }));
  expect(swallowed({ ...config, CacheBehaviors: everywhere })).toContain('/v1/*');
});

test('every place of the console is its one page, and its files are themselves', () => {
  const [association, ...others] = configOf(stage).DefaultCacheBehavior.FunctionAssociations ?? [];
  expect([association?.EventType, others]).toEqual(['viewer-request', []]);
  for (const place of ['/', '/adapters', '/adapters/french', '/adapters/french.v2', '/jobs/job_1/', '/adapters/a.js/x'])
    expect(askedFor(place), place).toBe('/index.html');
  for (const file of ['/index.html', '/favicon.ico', '/assets/index-BX3k.js', '/assets/fonts/a', '/robots.txt'])
    expect(askedFor(file), file).toBe(file);
});
