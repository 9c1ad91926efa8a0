import type { ApiClient } from '../../../shared/contract/api-client.ts';
import type { Cli } from '../../support/lorary-cli.ts';
import type { Account } from './account.ts';
import type { RunningStage } from './running-stage.ts';

/** What the cases find and leave to each other: they run in order, as an operator goes on. */
export interface Site {
  readonly account: Account;
  /** The API without CloudFront in front. */
  apiUrl: string;
  frontDoorUrl: string;
  consoleBucket: string;
  running: RunningStage;
  /** Somebody of the team `blue`, with a key that may do everything. */
  anna: Cli;
  /** The API by the same key, where a process for each call would be too much. */
  api: ApiClient;
  /** Somebody of the team `red`. */
  bert: Cli;
  /** The key of `blue`. */
  key: string;
}

export interface StackCase {
  readonly name: string;
  /** Of a case that is expected to fail: what it then says. */
  readonly words?: RegExp;
  readonly run: (site: Site) => Promise<void>;
}
