import type { VersionOutcome } from '../../shared/records/publish-version.ts';

/** What is known of a small adapter in which nothing was found. */
export const soundOutcome: VersionOutcome = {
  checks: {
    peftType: 'LORA',
    summary: '',
    effectiveModules: 1,
    selectedModules: 1,
    ranks: [2],
    dtypes: ['F32'],
    parameters: 1,
    deltaNorm: 1,
    usable: true,
    unusableBecause: [],
  },
  details: { modules: [], servability: [] },
  findings: [],
};

/** The same of one that cannot be used here. */
export const unusableOutcome: VersionOutcome = {
  ...soundOutcome,
  checks: { ...soundOutcome.checks, usable: false, unusableBecause: ['it is a DoRA adapter'] },
};
