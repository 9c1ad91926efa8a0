import type { BlobRef } from './ports.ts';

/** A file that a model is made of; its content is fixed. */
export interface ModelFile {
  /** Within the folder of the base or adapter. */
  readonly path: string;
  readonly blob: BlobRef;
}

/** What is kept open once it was asked for; the same id is the same content for ever. */
export interface ModelPart {
  readonly id: string;
  readonly files: readonly ModelFile[];
}

/** A text, or a conversation that the base's chat template turns into one; the contract's `promptField`. */
export type GeneratorPrompt =
  | { readonly prompt: string }
  | { readonly messages: { readonly role: string; readonly content: string; readonly [key: string]: unknown }[] };

export interface GenerationRequest {
  readonly base: ModelPart;
  readonly adapter?: ModelPart;
  readonly prompts: readonly GeneratorPrompt[];
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly seed: number;
}

export interface Generation {
  readonly texts: readonly {
    readonly prompt: string;
    readonly text: string;
    readonly tokens: number;
    readonly end: 'stop' | 'length';
  }[];
  readonly seconds: number;
}

/** Continues prompts at once, with models that it keeps open between calls. */
export interface TextGenerator {
  /**
   * Throws `DomainError` for what is wrong with the model or the prompts, and `UnavailableError` when it has too much to do, takes too
   * long, or its process ended.
   */
  generate(request: GenerationRequest): Promise<Generation>;
  /** Ends what runs; calls that wait fail as unavailable. */
  close(): Promise<void>;
}
