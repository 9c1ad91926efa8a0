import type { FuzzRandom } from './fuzz-random.ts';

/** A parser of bytes from outside, and how its inputs are made. */
export interface FuzzTarget {
  readonly name: string;
  /** A sound input, or one with a few damages of the kind that its readers must notice. */
  input(random: FuzzRandom): Uint8Array;
  /** Reads as the product does. Throws `DomainError` for what it refuses, and `Unsound` where it took what may not be taken. */
  read(bytes: Uint8Array): unknown;
  /** The same with a fault that such parsers are known for; a run with the same seed must find it. */
  readonly planted: { readonly fault: string; read(bytes: Uint8Array): unknown };
  /** Ends what reading has opened. */
  close?(): Promise<void>;
}

/** An input was taken that another reading of the same bytes finds unsound. */
export class Unsound extends Error {
  override readonly name = 'Unsound';
}

/** What a program tells of the inputs it read. */
export interface FuzzFigures {
  readonly accepted: number;
  readonly refused: number;
  readonly slowestMilliseconds: number;
  readonly slowestInput: number;
}

/** The first input that was neither taken nor refused properly. */
export interface FuzzFailure {
  readonly input: number;
  readonly reason: string;
}
