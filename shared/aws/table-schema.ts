/** How the table is laid out; the stack that makes it reads the same names. Strings are sorted by their UTF-8 bytes. */
export const tableSchema = {
  partitionKey: 'pk',
  sortKey: 'sk',
  /** Seconds since 1970; DynamoDB deletes the item some days later. */
  expiry: 'expiresAt',
  /** Both project whole items. */
  indexes: {
    index1: { partitionKey: 'pk1', sortKey: 'sk1' },
    index2: { partitionKey: 'pk2', sortKey: 'sk2' },
  },
} as const;
