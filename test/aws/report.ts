import type { Endpoints } from './targets.ts';

/** What Vitest's JSON reporter says, as far as it is read. */
export interface TestResults {
  readonly testResults: readonly {
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
    }[];
  }[];
}

export interface EmulatorCounts {
  readonly cases: number;
  readonly passed: number;
  /** Cases that the emulator is known to fail, and did. */
  readonly expectedFailed: number;
}

export interface AwsReport {
  readonly emulators: Readonly<Record<string, EmulatorCounts>>;
  /** Every case that ran, by emulator: numbers alone would not show one that was exchanged for another. */
  readonly titles: Readonly<Record<string, readonly string[]>>;
  readonly failed: readonly string[];
}

type Gaps = Readonly<Record<string, Readonly<Record<string, string>>>>;

/**
 * Counts by emulator, and every reason why the run is no good: cases that failed or did not run, gaps that are listed and were not looked at,
 * and cases about blobs that hold on no emulator.
 */
export function summarise(results: TestResults, gaps: Gaps, endpoints: Endpoints): AwsReport {
  const emulators: Record<string, { cases: number; passed: number; expectedFailed: number }> = {};
  const titles: Record<string, string[]> = {};
  const failed: string[] = [];
  const held = new Map<string, boolean>();
  const seen = new Set<string>();
  for (const { assertionResults, message } of results.testResults) {
    if (assertionResults.length === 0) failed.push(`a suite did not run: ${message ?? ''}`);
    for (const { ancestorTitles, title, status } of assertionResults) {
      const [emulator = ''] = ancestorTitles;
      const counts = (emulators[emulator] ??= { cases: 0, passed: 0, expectedFailed: 0 });
      const isGap = Object.hasOwn(gaps[emulator] ?? {}, title);
      counts.cases += 1;
      (titles[emulator] ??= []).push(title);
      seen.add(`${emulator} ${title}`);
      if (status !== 'passed') failed.push(`${emulator}: ${title} (${status})`);
      else if (isGap) counts.expectedFailed += 1;
      else counts.passed += 1;
      if (Object.hasOwn(endpoints.blobs, emulator)) held.set(title, held.get(title) || (status === 'passed' && !isGap));
    }
  }
  for (const [title, somewhere] of held) if (!somewhere) failed.push(`it holds on no emulator: ${title}`);
  for (const [emulator, titles] of Object.entries(gaps))
    for (const title of Object.keys(titles))
      if (Object.hasOwn(emulators, emulator) && !seen.has(`${emulator} ${title}`))
        failed.push(`an expected failure did not run: ${emulator}: ${title}`);
  return { emulators, titles, failed };
}

/** Where fewer cases ran or passed than once did. */
export function belowMinimum(report: AwsReport, minimum: AwsReport['emulators']): string[] {
  return Object.entries(minimum).flatMap(([emulator, least]) => {
    const { cases = 0, passed = 0 } = report.emulators[emulator] ?? {};
    return cases < least.cases || passed < least.passed
      ? [`${emulator}: ${passed} of ${cases} cases passed, and at least ${least.passed} of ${least.cases} should`]
      : [];
  });
}
