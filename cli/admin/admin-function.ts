import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { z } from 'zod';
import { budgetSchema } from '../../shared/contract/budgets.ts';
import { DomainError, UnavailableError } from '../../shared/errors.ts';

/** What the function is asked to do; `create-key` makes one more key for a team that has lost its own. */
export type AdminOrder =
  | {
      readonly action: 'create-team' | 'create-key';
      readonly team: string;
      /** What the key is called. */
      readonly name?: string | undefined;
    }
  | BudgetOrder;

export type BudgetOrder =
  | { readonly action: 'set-budget'; readonly team: string; readonly limits: object }
  | { readonly action: 'get-budget' | 'recount'; readonly team: string };

/** A key that may do everything for its team, and where the stage answers. */
export type TeamKey = Omit<z.output<typeof made>, 'ok'>;

const made = z.object({ ok: z.literal(true), team: z.string(), key: z.string().min(1), url: z.url().optional() });
const amount = z.object({ bytes: z.int(), reserved: z.int() });
const told = z.object({
  ok: z.literal(true),
  team: z.string(),
  budget: budgetSchema,
  recount: z
    .object({
      at: z.string().nullable(),
      drift: z.array(z.object({ of: z.string(), counted: amount, is: amount })),
    })
    .optional(),
});
const refused = z.object({ ok: z.literal(false), code: z.string(), message: z.string() });

/** The budget of a team, and when its bytes were counted anew, with what was wrong. */
export type TeamBudget = Omit<z.output<typeof told>, 'ok'>;

/**
 * Asks the function of a stage that makes teams, once: a second call would make a second key, or find the team of the first one. Throws
 * `DomainError` with the function's refusal, or with what AWS has against the call; `UnavailableError` where nobody knows what was done.
 */
export async function askAdminFunction(stage: string, order: AdminOrder, region?: string): Promise<TeamKey> {
  const { team, key, url } = await ask(stage, order, region, made);
  return { team, key, ...(url === undefined ? {} : { url }) };
}

/** Asks the same function for the budget of a team. Throws like `askAdminFunction`. */
export async function askTeamBudget(stage: string, order: BudgetOrder, region?: string): Promise<TeamBudget> {
  const { team, budget, recount } = await ask(stage, order, region, told);
  return { team, budget, ...(recount ? { recount } : {}) };
}

async function ask<T extends { readonly ok: true }>(
  stage: string,
  order: AdminOrder,
  region: string | undefined,
  answer: z.ZodType<T>,
): Promise<T> {
  const FunctionName = `lorary-${stage}-admin`;
  const client = new LambdaClient({ maxAttempts: 1, ...(region === undefined ? {} : { region }) });
  let answered;
  try {
    const Payload = Buffer.from(JSON.stringify(order));
    answered = await client.send(new InvokeCommand({ FunctionName, Payload }));
  } catch (error) {
    throw failureOf(error, { stage, FunctionName, where: await regionOf(client) }, order);
  } finally {
    client.destroy();
  }
  const text = Buffer.from(answered.Payload ?? []).toString();
  if (answered.FunctionError !== undefined) throw lost(order, `${FunctionName} failed: ${errorMessage(text)}`);
  const value = jsonOf(text);
  const refusedIt = refused.safeParse(value);
  if (refusedIt.success) throw refusal(refusedIt.data, order);
  const parsed = answer.safeParse(value);
  if (!parsed.success) throw lost(order, `${FunctionName} answered what is none of its answers`);
  return parsed.data;
}

function refusal(
  { code, message }: { readonly code: string; readonly message: string },
  order: AdminOrder,
): DomainError {
  const { team } = order;
  if (code === 'team-exists')
    return new DomainError(
      code,
      `There is a team "${team}" already. Who has a key of it makes more with: lorary keys create\nIf its keys are lost, make one more with: lorary admin bootstrap --team ${team} --new-key`,
    );
  if (code === 'no-such-team' && order.action === 'create-key')
    return new DomainError(code, `There is no team "${team}" yet; without --new-key it is made, with its first key.`);
  return new DomainError(code, message);
}

interface Place {
  readonly stage: string;
  readonly FunctionName: string;
  readonly where: string | undefined;
}

/** What AWS says against the call, with what to do about it. */
function failureOf(error: unknown, { stage, FunctionName, where }: Place, order: AdminOrder): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const { name, message } = error;
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  const refused = (code: string, text: string): DomainError => new DomainError(code, text, { cause: error });
  if (where === undefined)
    return refused('no-region', 'No region is known: set AWS_REGION, or run this in a clone that has the stage.');
  if (status === undefined && (name === 'CredentialsProviderError' || /credential/i.test(message)))
    return refused('no-credentials', `AWS is not told who asks (${message}). ${signIn}`);
  if (badCredentials.has(name))
    return refused('bad-credentials', `AWS does not take the credentials: ${message} ${signIn}`);
  if (name === 'ResourceNotFoundException')
    return refused(
      'not-deployed',
      `There is no function ${FunctionName} in ${where} of this account. Deploy the stage with: npm run deploy -- ${stage}\nIf it is deployed, these are credentials of another account, or it is in another region.`,
    );
  if (name === 'AccessDeniedException')
    return refused(
      'not-allowed',
      `These credentials may not call ${FunctionName}: ${message} They need lambda:InvokeFunction on it.`,
    );
  if (name === 'TooManyRequestsException')
    return new UnavailableError(`${FunctionName} was not called, as too much runs in this account: try again.`, {
      cause: error,
    });
  return lost(order, `${where} gave no answer (${message.split('\n')[0]})`, error);
}

const badCredentials: ReadonlySet<string> = new Set([
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'ExpiredTokenException',
  'ExpiredToken',
]);

const signIn = 'Sign in with "aws configure" or "aws sso login", or set AWS_PROFILE.';

/** The key may have been made, and nobody will ever see it. */
function lost({ action, team }: AdminOrder, what: string, cause?: unknown): UnavailableError {
  const next =
    action !== 'create-team' && action !== 'create-key'
      ? 'ask again: asking twice changes nothing'
      : action === 'create-key'
        ? 'ask again; a key that was made and not seen stays in the list of "lorary keys" until "lorary keys revoke"'
        : `ask again; if there is a team "${team}" by then, its key was lost on the way: lorary admin bootstrap --team ${team} --new-key`;
  return new UnavailableError(`${what}: whether it was done is not known. What to do: ${next}`, { cause });
}

async function regionOf(client: LambdaClient): Promise<string | undefined> {
  try {
    return await client.config.region();
  } catch {
    return undefined;
  }
}

/** What a function that threw says of it. */
function errorMessage(text: string): string {
  const parsed = z.object({ errorMessage: z.string() }).safeParse(jsonOf(text));
  return parsed.data?.errorMessage ?? text.slice(0, 200);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
