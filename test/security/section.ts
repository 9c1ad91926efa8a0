import type { Report } from '../support/checks-report.ts';

/** One part of `npm run test:security`: its checks, each with its figures. The same seed gives the same run. */
export type Section = (report: Report, seed: number) => Promise<void>;
