/** One statement of a policy with nothing left to be resolved. */
export interface IamStatement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly condition: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

/** What somebody asks of AWS; `context` holds the values of condition keys. */
export interface IamRequest {
  readonly action: string;
  readonly resource: string;
  readonly context?: Readonly<Record<string, readonly string[]>>;
}

/**
 * Whether policies of one identity allow a request, as IAM decides it: one statement that denies is enough, else one that allows. Throws for
 * what it does not know, which would otherwise be taken for what it is not.
 */
export function isAllowed(statements: readonly IamStatement[], request: IamRequest): boolean {
  const matching = statements.filter((statement) => covers(statement, request));
  return matching.some(({ effect }) => effect === 'Allow') && !matching.some(({ effect }) => effect === 'Deny');
}

/** Whether a statement speaks of this request. */
export function covers({ actions, resources, condition }: IamStatement, request: IamRequest): boolean {
  const { action, resource, context = {} } = request;
  return (
    // names of actions are alike in any case
    actions.some((pattern) => isLike(pattern.toLowerCase(), action.toLowerCase())) &&
    resources.some((pattern) => isLike(pattern, resource)) &&
    Object.entries(condition).every(([operator, keys]) =>
      Object.entries(keys).every(([key, wanted]) => holds(operator, wanted, context[key] ?? [])),
    )
  );
}

/** The statements of a policy document of plain values, as JSON or as CloudFormation after its references are resolved. */
export function readStatements(document: unknown): readonly IamStatement[] {
  const { Statement } = document as { Statement: unknown }; // what every policy has
  return listOf(Statement).map((value) => {
    const statement = value as Readonly<Record<string, unknown>>;
    for (const name of Object.keys(statement))
      if (!known.has(name)) throw new Error(`${name} of a statement is not known here`);
    const { Effect, Action, Resource, Condition = {} } = statement;
    if (Effect !== 'Allow' && Effect !== 'Deny') throw new Error(`the effect ${String(Effect)} is not known here`);
    const condition = Object.entries(Condition as Record<string, Record<string, unknown>>).map(
      ([operator, keys]) =>
        [operator, Object.fromEntries(Object.entries(keys).map(([key, wanted]) => [key, textsOf(wanted)]))] as const,
    );
    return {
      effect: Effect,
      actions: textsOf(Action),
      resources: textsOf(Resource),
      condition: Object.fromEntries(condition),
    };
  });
}

const known: ReadonlySet<string> = new Set(['Sid', 'Effect', 'Action', 'Resource', 'Condition']);

function holds(operator: string, wanted: readonly string[], values: readonly string[]): boolean {
  const fits = (value: string): boolean => wanted.some((pattern) => isLike(pattern, value));
  switch (operator) {
    case 'StringEquals':
      return values.length > 0 && values.every((value) => wanted.includes(value));
    case 'StringLike':
      return values.length > 0 && values.every(fits);
    case 'ForAllValues:StringLike':
      return values.every(fits);
    case 'ForAnyValue:StringLike':
      return values.some(fits);
    case 'Null':
      return (values.length === 0) === (wanted[0] === 'true');
    default:
      throw new Error(`the condition ${operator} is not known here`);
  }
}

/** `*` stands for any text, `?` for one character. */
function isLike(pattern: string, value: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(value);
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

function textsOf(value: unknown): readonly string[] {
  return listOf(value).map((text) => {
    if (typeof text !== 'string') throw new Error(`a policy has ${JSON.stringify(text)} where a text is expected`);
    return text;
  });
}
