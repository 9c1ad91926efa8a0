import { createInterface } from 'node:readline/promises';
import { DomainError } from '../shared/errors.ts';

/** Asks at the terminal; what is `secret` does not show. Throws `DomainError('usage')` with what to give instead where there is none. */
export async function ask(question: string, instead: string, secret = false): Promise<string> {
  if (!process.stdin.isTTY) throw new DomainError('usage', `There is no terminal to ask at: give ${instead}`);
  const lines = createInterface({ input: process.stdin, output: secret ? undefined : process.stderr, terminal: true });
  try {
    if (secret) process.stderr.write(question);
    return await lines.question(secret ? '' : question);
  } finally {
    lines.close();
    if (secret) process.stderr.write('\n');
  }
}

/** Whether the person at the terminal agrees; without one nobody does. */
export async function agrees(question: string): Promise<boolean> {
  return process.stdin.isTTY && /^y(es)?$/i.test((await ask(`${question} [y/N] `, 'an answer')).trim());
}
