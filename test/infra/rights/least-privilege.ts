import { readCall, type RecordedCall } from '../../aws/rights/recorded-call.ts';
import type { Recording } from '../../aws/rights/recorder.ts';
import { covers, isAllowed, type IamRequest, type IamStatement } from '../../support/iam.ts';
import type { RoleRights } from './role-rights.ts';

export interface LeastPrivilege {
  readonly roles: readonly RoleRights[];
  readonly recording: Recording;
  /** A session that narrows a role, by the name of the role. */
  readonly sessions: Readonly<Record<string, readonly IamStatement[]>>;
  /** A call as it is made in the stage of the roles. */
  readonly requestOf: (call: RecordedCall) => IamRequest;
  /** Why rights are given that no recorded call needs: by role, or `*` for all, and by action. */
  readonly unrecorded: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Actions that may be allowed on every resource. */
  readonly everywhere: readonly string[];
}

/** What the rights of a stage lack, and what they have too much of: one line each. */
export function faultsOf(given: LeastPrivilege): readonly string[] {
  const { roles, recording, sessions, everywhere } = given;
  const faults: string[] = [];
  const used = new Set<string>();
  for (const asker of Object.keys(recording))
    if (!roles.some(({ name }) => name === asker)) faults.push(`${asker} calls and has no role`);
  for (const { name, statements } of roles) {
    const calls = (recording[name] ?? []).map((line) => ({ line, request: given.requestOf(readCall(line)) }));
    const policies = [statements, ...(sessions[name] ? [sessions[name]] : [])];
    for (const { line, request } of calls)
      if (!policies.every((policy) => isAllowed(policy, request))) faults.push(`${name} is refused: ${line}`);
    for (const [action, resource, statement] of policies.flat().flatMap(grantsOf)) {
      const isEverything = resource === '*' || action.includes('*');
      if (isEverything && !everywhere.includes(action)) faults.push(`${name} may ${action} on ${resource}`);
      const right = { ...statement, actions: [action], resources: [classOf(resource)] };
      const isUsed = calls.some(({ request }) => covers(right, { ...request, resource: classOf(request.resource) }));
      if (isUsed) continue;
      const [whose] = [name, '*'].filter((role) => given.unrecorded[role]?.[action] !== undefined);
      if (whose === undefined) faults.push(`${name} never needs ${action} on ${resource}`);
      else used.add(`${whose} ${action}`);
    }
  }
  const reasons = Object.entries(given.unrecorded).flatMap(([role, actions]) =>
    Object.keys(actions).map((action) => `${role} ${action}`),
  );
  return [
    ...faults,
    ...reasons.filter((one) => !used.has(one)).map((one) => `there is no such right any more: ${one}`),
  ];
}

const grantsOf = (statement: IamStatement): (readonly [action: string, resource: string, statement: IamStatement])[] =>
  statement.effect === 'Deny'
    ? []
    : statement.actions.flatMap((action) =>
        statement.resources.map((resource) => [action, resource, statement] as const),
      );

/**
 * Which class of machines a job takes is a matter of its size, and which index a list is in one of its order: rights to one are rights to
 * the others. A definition is meant by its name or by its newest revision.
 */
const classOf = (resource: string): string =>
  resource
    .replace(/-gpu-\d+/, '-gpu-any')
    .replace(/\/index\/index\d$/, '/index/any')
    .replace(/(:job-definition\/[^:]+):\*$/, '$1');
