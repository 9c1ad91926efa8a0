import { expect, test } from 'vitest';
import { idleCost } from './idle-cost.ts';
import { synthStage, type SynthStage } from './synth-stage.ts';

const [closed, open] = [synthStage(), synthStage({ gatedModels: true })];

/** Functions that know where the token is. */
const told = ({ ofType }: SynthStage): string[] =>
  ofType('AWS::Lambda::Function').flatMap(({ Properties }) =>
    JSON.stringify(Properties).includes('"LORARY_HUB_TOKEN_PARAMETER":"/lorary/dev/hf-token"')
      ? [String(Properties?.['FunctionName'])]
      : [],
  );

/** Statements that say anything about parameters, with the role that they are of. */
const rights = ({ ofType }: SynthStage): [string, unknown][] =>
  ofType('AWS::IAM::Policy').flatMap(({ id, Properties }) => {
    const { Statement } = (
      Properties as unknown as { PolicyDocument: { Statement: { Action: unknown }[] } }
    ) // as CloudFormation has it
    .PolicyDocument;
    return Statement.filter(({ Action }) => JSON.stringify(Action).includes('ssm:')).map((one): [string, unknown] => [
      id,
      one,
    ]);
  });

test('without the setting nobody may read a parameter, and nobody knows of one', () => {
  expect([told(closed), rights(closed)]).toEqual([[], []]);
});

test('with it the one parameter of the stage is read by who looks at models and who gives it to imports', () => {
  expect(told(open)).toEqual(['lorary-dev-catalog', 'lorary-dev-job-credentials']);
  const given = rights(open);
  expect(given.map(([role]) => role.replace(/Policy.*$/, ''))).toEqual(['catalog', 'jobcredentials']);
  for (const [, statement] of given)
    expect(statement).toEqual({
      Action: 'ssm:GetParameter',
      Effect: 'Allow',
      Resource: {
        'Fn::Join': [
          '',
          [
            'arn:',
            { Ref: 'AWS::Partition' },
            ':ssm:',
            expect.anything(),
            ':',
            { Ref: 'AWS::AccountId' },
            ':parameter/lorary/dev/hf-token',
          ],
        ],
      },
    });
});

test('it costs nothing: no resource comes with it', () => {
  expect(open.all.map(({ Type }) => Type)).toEqual(closed.all.map(({ Type }) => Type));
  expect(idleCost(open.all)).toEqual(idleCost(closed.all));
});
