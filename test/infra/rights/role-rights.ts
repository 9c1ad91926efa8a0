import { readStatements, type IamStatement } from '../../support/iam.ts';
import type { Resources, SynthStage } from '../synth-stage.ts';

/** What the policies of a role say, all references resolved. */
export interface RoleRights {
  /** The function whose role it is, else the name of the role, else its id in the template. */
  readonly name: string;
  readonly statements: readonly IamStatement[];
}

export const account = '111122223333';

/** Every role of a stage. Throws for rights that do not stand in the template, such as those of managed policies. */
export function rolesOf({ stacks, settings }: Pick<SynthStage, 'stacks' | 'settings'>): readonly RoleRights[] {
  const known = { 'AWS::Partition': 'aws', 'AWS::Region': settings.region, 'AWS::AccountId': account };
  return Object.values(stacks).flatMap((resources) => {
    const resolved = (value: unknown): unknown => resolve(value, known);
    const ofType = (type: string) =>
      Object.entries(resources)
        .filter(([, { Type }]) => Type === type)
        .map(([id, { Properties = {} }]) => [id, Properties as Readonly<Record<string, unknown>>] as const);
    return ofType('AWS::IAM::Role').map(([id, properties]) => {
      for (const other of ['ManagedPolicyArns', 'Policies', 'PermissionsBoundary'])
        if (properties[other] !== undefined) throw new Error(`${id} has ${other}, which are not known here`);
      const statements = ofType('AWS::IAM::Policy')
        .filter(([, { Roles }]) => (resolved(Roles) as unknown[]).includes(`ref:${id}`))
        .flatMap(([, { PolicyDocument }]) => readStatements(resolved(PolicyDocument)));
      return { name: nameOf(resources, id, properties['RoleName']), statements };
    });
  });
}

function nameOf(resources: Resources, id: string, roleName: unknown): string {
  if (typeof roleName === 'string') return roleName.replace(/^lorary-[a-z]+-/, '');
  for (const { Type, Properties } of Object.values(resources)) {
    if (Type !== 'AWS::Lambda::Function') continue;
    const { FunctionName, Role } = (Properties ?? {}) as { FunctionName?: unknown; Role?: unknown };
    if (JSON.stringify(Role) === JSON.stringify({ 'Fn::GetAtt': [id, 'Arn'] }) && typeof FunctionName === 'string')
      return FunctionName.replace(/^lorary-[a-z]+-/, '');
  }
  return id.replace(/[0-9A-F]{8}$/, '');
}

/** A value of a template as CloudFormation reads it; what is made with the stack is called by its id. */
function resolve(value: unknown, known: Readonly<Record<string, string>>): unknown {
  if (Array.isArray(value)) return value.map((one) => resolve(one, known));
  if (typeof value !== 'object' || value === null) return value;
  const [entry] = Object.entries(value);
  switch (entry?.[0]) {
    case 'Ref':
      return known[String(entry[1])] ?? `ref:${String(entry[1])}`;
    case 'Fn::GetAtt':
      return (entry[1] as string[]).join('.');
    case 'Fn::Join': {
      const [between, parts] = resolve(entry[1], known) as [string, string[]];
      return parts.join(between);
    }
    case 'Fn::Sub':
      return String(entry[1]).replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => known[name] ?? `ref:${name}`);
    default:
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, resolve(one, known)]));
  }
}
