import { UnavailableError } from '../../shared/errors.ts';

/** What a deployed function tells people and alarms with; `lambda.ts` brings it. */
export interface LambdaTools {
  readonly logger: {
    error(message: string, ...error: [] | [Error]): void;
  };
  readonly metrics: {
    addMetric(name: string, unit: 'Count', value: number): void;
    hasStoredMetrics(): boolean;
    /** Writes what was added, at the end of an invocation. */
    publishStoredMetrics(): void;
  };
}

/** Names of the metrics that alarms watch; `infra` names the same ones. */
export const lambdaMetrics = {
  /** Our own bugs. */
  failures: 'Failures',
  /** Something that the function needs did not answer; whoever asks again may succeed. */
  unavailable: 'Unavailable',
} as const;

/** Logs and counts what went wrong. */
export function reportFailure({ logger, metrics }: LambdaTools, message: string, error: unknown): void {
  const name = error instanceof UnavailableError ? lambdaMetrics.unavailable : lambdaMetrics.failures;
  metrics.addMetric(name, 'Count', 1);
  logger.error(message, ...(error === undefined ? ([] as const) : ([asError(error)] as const)));
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

/** A function that works on events: whatever comes of one, what was counted is written. */
export function eventFunction<Event, Result>(
  tools: LambdaTools,
  work: (event: Event) => Promise<Result>,
): (event: Event) => Promise<Result> {
  return async (event) => {
    try {
      return await work(event);
    } finally {
      if (tools.metrics.hasStoredMetrics()) tools.metrics.publishStoredMetrics();
    }
  };
}
