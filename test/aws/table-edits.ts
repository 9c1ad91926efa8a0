import type { Plan } from './faulty-proxy.ts';

type Write = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Changes what transactions write on their way to the table; a write that is left as it is stays in its place. */
export function editTransactions(edit: (write: Write) => Write): Plan {
  return ({ headers, body }) => {
    if (!String(headers['x-amz-target']).endsWith('.TransactWriteItems')) return undefined;
    const asked = JSON.parse(body.toString()) as { readonly TransactItems: readonly Write[] };
    const TransactItems = asked.TransactItems.map(edit);
    if (TransactItems.every((write, at) => write === asked.TransactItems[at])) return undefined;
    return { instead: Buffer.from(JSON.stringify({ ...asked, TransactItems })) };
  };
}

/** No write asks for the fence of a job, and none moves it on; it is made all the same. */
export const withoutFence: Plan = editTransactions((write) =>
  sortOf(write) === 'fence' && !isFirst(write) ? nothing(write) : write,
);

/** No checkpoint is ever kept. */
export const withoutCheckpoints: Plan = editTransactions((write) =>
  'Update' in write && sortOf(write) === 'checkpoint' ? nothing(write) : write,
);

/** Sort key of what is written or checked. */
function sortOf(write: Write): string | undefined {
  const [target = {}] = Object.values(write);
  const { sk } = (target['Key'] ?? target['Item'] ?? {}) as { readonly sk?: { readonly S?: string } };
  return sk?.S;
}

function isFirst(write: Write): boolean {
  return 'Put' in write && String(write['Put']?.['ConditionExpression']).includes('attribute_not_exists(pk)');
}

/** A check that always holds, of a record that is nowhere. */
function nothing(write: Write): Write {
  const [{ TableName } = {}] = Object.values(write);
  const key = `nothing#${(made += 1)}`;
  return {
    ConditionCheck: {
      TableName,
      Key: { pk: { S: key }, sk: { S: key } },
      ConditionExpression: 'attribute_not_exists(pk)',
    },
  };
}

let made = 0;
