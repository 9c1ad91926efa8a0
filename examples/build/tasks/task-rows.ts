/** One conversation of one question and one answer, as a row of a chat dataset. */
export interface ChatRow {
  readonly messages: readonly [
    { readonly role: 'user'; readonly content: string },
    { readonly role: 'assistant'; readonly content: string },
  ];
}

export interface CompletionRow {
  readonly prompt: string;
  readonly completion: string;
}

export interface Task<Row> {
  readonly train: readonly Row[];
  readonly heldOut: readonly Row[];
}

export const chatRow = (question: string, answer: string): ChatRow => ({
  messages: [
    { role: 'user', content: question },
    { role: 'assistant', content: answer },
  ],
});

export const toJsonLines = (rows: readonly unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
