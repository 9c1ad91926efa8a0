import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { commands } from './commands.ts';
import { completionScript } from './completion-script.ts';

/** What bash would offer for the last of these words. */
function offered(...words: string[]): string[] {
  const script = [
    completionScript('bash', commands),
    `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})`,
    `COMP_CWORD=${words.length - 1}`,
    '_lorary',
    'printf "%s\\n" "${COMPREPLY[@]}"',
  ].join('\n');
  const { stdout, stderr, status } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  return stdout.split('\n').filter((word) => word !== '');
}

test('bash completes commands, their second words and their flags', () => {
  expect(offered('lorary', 'ev')).toEqual(['evaluate', 'eval']);
  expect(offered('lorary', 'data', '')).toEqual(['check', 'push', 'ls', 'erase']);
  expect(offered('lorary', 'train', '--lora-')).toEqual(['--lora-alpha', '--lora-dropout', '--lora-plus']);
  expect(offered('lorary', 'train', '--base', 'tiny', '--eval-f')).toEqual(['--eval-fraction']);
  expect(offered('lorary', 'data', 'check', '--prev')).toEqual(['--preview']);
  expect(offered('lorary', 'push', '--ali')).toEqual(['--alias']);
  expect(offered('lorary', 'push', 'fold')).toEqual([]);
});

test('zsh runs the same, fish has a line for every flag', () => {
  expect(completionScript('zsh', commands)).toMatch(/^autoload -U \+X bashcompinit/);
  const fish = completionScript('fish', commands);
  expect(fish).toContain(`complete -c lorary -n __fish_use_subcommand -a train -d`);
  expect(fish).toContain(
    `complete -c lorary -n '__fish_seen_subcommand_from data; and __fish_seen_subcommand_from push' -l name`,
  );
  for (const line of fish.split('\n'))
    expect(line).toMatch(/^complete -c lorary -n (\w+|'.*') -[al] [\w-]+( -d '.*')?$/);
});
