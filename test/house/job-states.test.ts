import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { jobStates } from '../../shared/contract/jobs.ts';
import { changeJob, type JobChange } from '../../shared/domain/job-states.ts';
import { limits } from '../../shared/limits.ts';

const changes: readonly JobChange[] = [
  { type: 'claim', runId: 'run' },
  { type: 'cancel' },
  { type: 'succeed' },
  { type: 'refuse', reason: '' },
  { type: 'stop', reason: '' },
  { type: 'die', reason: '' },
  { type: 'resume' },
];

/** `from change to`, for everything that may happen to a job, whatever it has been through. */
function possible(): string[] {
  const found = new Set<string>();
  for (const state of jobStates)
    for (const change of changes)
      for (const [deaths, stops] of [
        [0, 0],
        [limits.jobDeathsMax - 1, limits.jobStopsMax],
      ] as const)
        for (const kind of ['train', 'sweep'] as const) {
          const step = changeJob({ kind, runId: 'run', attempt: 1, state, deaths, stops }, change);
          if (!('refused' in step)) found.add(`${state} ${change.type} ${step.state}`);
        }
  return [...found].toSorted();
}

/** The same as the page's table, and as its diagram, tell it. */
function described(text: string): { readonly table: string[]; readonly diagram: string[] } {
  const rows = text.matchAll(/^\| `(\w+)` +\| `(\w+)` +\| `(\w+)` +\|/gm);
  const arrows = text.matchAll(/^ +(\w+) --> (\w+): (\w+)$/gm);
  return {
    table: [...rows].map(([, from, change, to]) => `${from} ${change} ${to}`).toSorted(),
    diagram: [...arrows].map(([, from, to, change]) => `${from} ${change} ${to}`).toSorted(),
  };
}

test('a row and an arrow that are missing, and such as cannot be, are found', async () => {
  const text = await readFile('docs/jobs.md', 'utf8');
  const row = /^\| `failed` +\| `resume`.*$/m;
  expect(described(text.replace(row, '')).table).not.toEqual(possible());
  expect(described(text.replace(row, '$&\n| `succeeded` | `resume` | `queued` | x | x |')).table).not.toEqual(
    possible(),
  );
  expect(described(text.replace('queued --> running: claim', '')).diagram).not.toEqual(possible());
});

test('docs/jobs.md tells and draws every change of a job', async () => {
  const { table, diagram } = described(await readFile('docs/jobs.md', 'utf8'));
  expect(table).toEqual(possible());
  expect(diagram).toEqual(possible());
});
