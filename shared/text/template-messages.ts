/** What passes between the program and the thread that renders templates. */
export interface TemplateSettings {
  readonly template: string;
  readonly outputCharsMax: number;
  /** The date that `strftime_now` prints, ISO 8601. */
  readonly today: string;
}

export interface RenderBatch {
  readonly contexts: readonly Readonly<Record<string, unknown>>[];
}

export type RenderAnswer = { readonly text: string } | { readonly error: string };
