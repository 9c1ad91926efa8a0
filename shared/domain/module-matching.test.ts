import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { selectModules, unmatchedTargets, type SelectOptions } from './module-matching.ts';

/** Written by test/parity/record-module-patterns.py. */
const recorded = JSON.parse(
  readFileSync(new URL('../../test/parity/fixtures/module-patterns.json', import.meta.url), 'utf8'),
) as {
  linears: string[];
  selections: { options: SelectOptions & { target_modules: string[] | string }; selected: string[] }[];
};

describe('selectModules', () => {
  it.each(recorded.selections.map((selection) => [JSON.stringify(selection.options), selection] as const))(
    'selects what PEFT selects for %s',
    (_, { options, selected }) => {
      expect(selectModules(options.target_modules, recorded.linears, options)).toEqual(selected);
    },
  );

  it('takes all-linear, in any case, as everything but the output embedding', () => {
    const linears = ['model.layers.0.mlp.up_proj', 'lm_head', 'model.lm_head'];
    expect(selectModules('all-linear', linears)).toEqual(['model.layers.0.mlp.up_proj', 'model.lm_head']);
    expect(selectModules('All-Linear', linears, { outputEmbedding: 'model.lm_head' })).toEqual([
      'model.layers.0.mlp.up_proj',
      'lm_head',
    ]);
  });

  it('refuses a pattern it cannot read', () => {
    expect(() => selectModules('(?i)q_proj', ['q_proj'])).toThrow(/inline flags/);
  });

  it('selects nothing, without a word, where nothing matches', () => {
    expect(selectModules(['query'], recorded.linears)).toEqual([]);
  });
});

describe('unmatchedTargets', () => {
  it('names the entries that select nothing', () => {
    expect(unmatchedTargets(['q_proj', 'query', 'roj', 'lm_head'], recorded.linears)).toEqual(['query', 'roj']);
    expect(unmatchedTargets('.*', recorded.linears)).toEqual([]);
  });
});
