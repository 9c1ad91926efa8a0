import type { Operation, OperationInput, OperationOutput } from '../../shared/contract/operation.ts';
import type { Caller } from '../../shared/records/caller.ts';
import type { ApiDeps } from './api-deps.ts';

/** The function behind an operation. */
export interface Handler<O extends Operation = Operation> {
  readonly operation: O;
  run(
    deps: ApiDeps,
    caller: Caller,
    input: OperationInput<O>,
    headers: Headers,
  ): Promise<OperationOutput<O> | Response>;
  /** What a repeated creation answers: the thing that was made then, as it is now. */
  replay?(deps: ApiDeps, caller: Caller, created: string, input: OperationInput<O>): Promise<OperationOutput<O>>;
}

/** Binds a function to its operation. */
export function handler<O extends Operation>(operation: O, run: Handler<O>['run']): Handler<O> {
  return { operation, run };
}

/** Binds a function that makes something, and says what a repetition of the call answers. */
export function creator<O extends Operation>(
  operation: O,
  run: Handler<O>['run'],
  replay: NonNullable<Handler<O>['replay']>,
): Handler<O> {
  return { operation, run, replay };
}
