import { refuseErrors, type Finding } from '../shared/errors.ts';
import { usageFinding } from './read-flags.ts';

/** `NAME=FILE`, a task and its rows: what stands before the first equals sign is the name. Throws `DomainError('usage')` with all that are none. */
export function splitTasks(words: readonly string[]): { readonly name: string; readonly rows: string }[] {
  const findings: Finding[] = [];
  const tasks = words.map((word) => {
    const [, name = '', rows = ''] = /^([^=]*)=(.*)$/s.exec(word) ?? [];
    if (name === '' || rows === '')
      findings.push(usageFinding(word, 'names no task: write NAME=FILE, the adapter and its rows'));
    return { name, rows };
  });
  refuseErrors('usage', 'lorary train-tasks was not understood:', findings);
  return tasks;
}
