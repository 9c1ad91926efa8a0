/** A right that a call to AWS needs, with names that are the same in each run. */
export interface RecordedCall {
  /** E.g. `dynamodb:Query`. */
  readonly action: string;
  /** E.g. `table/index/index1`, `bucket/blue/jobs/any`, `job-queue/cpu`. */
  readonly resource: string;
  /** Values of condition keys; sorted. */
  readonly context?: Readonly<Record<string, readonly string[]>>;
}

/** One line: `dynamodb:GetItem table dynamodb:LeadingKeys=blue#any`. */
export function textOfCall({ action, resource, context = {} }: RecordedCall): string {
  const conditions = Object.entries(context).map(([key, values]) => `${key}=${values.join(',')}`);
  return [action, resource, ...conditions].join(' ');
}

export function readCall(text: string): RecordedCall {
  const [action = '', resource = '', ...conditions] = text.split(' ');
  if (conditions.length === 0) return { action, resource };
  const context = conditions.map((condition) => {
    const at = condition.indexOf('=');
    return [condition.slice(0, at), condition.slice(at + 1).split(',')] as const;
  });
  return { action, resource, context: Object.fromEntries(context) };
}

/**
 * The partition of a record without what changes from run to run: the team stays, and what the audit and the exceptions of
 * `shared/records/keys.ts` begin with.
 */
export function partitionClass(partition: string): string {
  const [first = '', second = ''] = partition.split('#');
  if (first === 'ACTIVE') return partition;
  return /^[A-Z]+$/.test(first) || second !== 'audit' ? `${first}#any` : `${first}#audit#any`;
}

/** The key of a blob, or what keys begin with, in the same way: `<team>/<kind>/any`. */
export function blobClass(key: string): string {
  const [team = '', kind = ''] = key.split('/');
  return `${team}/${kind}/any`;
}
