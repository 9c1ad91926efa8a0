import { describe, expect, it } from 'vitest';
import { memberCompatibility, type CompositionMember } from './member-compatibility.ts';

function member(
  name: string,
  base: string | null,
  change: Partial<CompositionMember['config']> = {},
): CompositionMember {
  return {
    name,
    config: { base_model_name_or_path: base, revision: null, task_type: 'CAUSAL_LM', ...change },
    modules: [{ module: 'q', inFeatures: 4, outFeatures: 6 }],
  };
}

const found = (members: CompositionMember[], options = {}): string[] =>
  memberCompatibility(members, options).map(({ severity, code, where }) => `${severity} ${code} ${where}`);

describe('members are compatible', () => {
  it('when they name one base', () => {
    expect(found([member('a', 'org/base'), member('b', 'org/base')])).toEqual([]);
  });

  it('with a warning when the base may be the same one, or is not told', () => {
    expect(found([member('a', 'org/Base'), member('b', '/models/base/'), member('c', null)])).toEqual([
      'warning unknown-base c',
      'warning different-bases b',
    ]);
    expect(found([member('a', 'x'), member('b', 'x', { revision: 'v2' })])).toEqual(['warning different-bases b']);
    expect(found([member('a', 'x'), member('b', 'x', { task_type: 'SEQ_CLS' })])).toEqual([
      'warning different-tasks task_type',
    ]);
  });
});

describe('members are refused', () => {
  it('on different bases, unless that is wanted', () => {
    const members = [member('a', 'org/base'), member('b', 'org/other'), member('c', 'third')];
    expect(found(members)).toEqual(['error different-bases b', 'error different-bases c']);
    expect(found(members, { allowDifferentBases: true })).toEqual([
      'warning different-bases b',
      'warning different-bases c',
    ]);
  });

  it('when a module has two sizes, naming the module and both members', () => {
    const other = { ...member('b', 'x'), modules: [{ module: 'q', inFeatures: 4, outFeatures: 7 }] };
    const findings = memberCompatibility([member('a', 'x'), other], { allowDifferentBases: true });
    expect(findings).toMatchObject([{ severity: 'error', code: 'different-sizes', where: 'q' }]);
    expect(findings[0]?.message).toMatch(/in b it has 4 inputs and 7 outputs, in a 4 and 6/);
  });
});
