import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { z } from 'zod';
import { DomainError, UnavailableError } from '../errors.ts';
import { attempt, defaultPace, type Pace } from './attempts.ts';
import { transferTimeouts } from './clients.ts';

/** The function that a container asks, and the run that it asks for. */
export interface AskedFunction {
  readonly functionName: string;
  readonly run: { readonly team: string; readonly jobId: string; readonly runId: string };
  readonly client?: LambdaClient;
  readonly pace?: Pace;
}

const refused = z.object({ ok: z.literal(false), code: z.string(), message: z.string() });

/**
 * Asks a function that answers runs which have a job, with `more` beside the run. Throws `DomainError` with the function's refusal, and
 * `UnavailableError` when it cannot answer now; `lacks` says what is missing then.
 */
export async function askForRun<Shape extends z.ZodObject>(
  {
    functionName,
    run,
    client = new LambdaClient({ maxAttempts: 1, ...transferTimeouts }),
    pace = defaultPace,
  }: AskedFunction,
  answer: Shape,
  lacks: string,
  more: object = {},
): Promise<z.output<Shape>> {
  const Payload = Buffer.from(JSON.stringify({ ...run, ...more }));
  const command = new InvokeCommand({ FunctionName: functionName, Payload });
  const answered = await attempt(() => client.send(command), { repeatable: true, pace });
  if (answered.FunctionError !== undefined) throw new UnavailableError(`${lacks} (${answered.FunctionError}).`);
  const said: unknown = JSON.parse(Buffer.from(answered.Payload ?? []).toString());
  const refusal = refused.safeParse(said).data;
  if (!refusal) return answer.parse(said);
  const { code, message } = refusal;
  throw code === 'unavailable' ? new UnavailableError(message) : new DomainError(code, message);
}
