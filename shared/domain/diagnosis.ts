/** What was looked at and how it is. */
export interface Diagnosis {
  readonly what: string;
  readonly verdict: 'good' | 'warning' | 'bad';
  /** What was found, and what to do where it is not good. */
  readonly detail: string;
}

/** For people, one line each. */
export const diagnosisLine = ({ what, verdict, detail }: Diagnosis): string => `${marks[verdict]} ${what}: ${detail}`;

const marks = { good: 'ok  ', warning: 'warn', bad: 'BAD ' } as const;
