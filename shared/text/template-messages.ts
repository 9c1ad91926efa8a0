/** What passes between the program and the thread that renders chat templates. */

/** Set once, when the thread starts. */
export interface TemplateSettings {
  readonly template: string;
  /** Used instead where tools are given; many models have one template for both. */
  readonly toolTemplate?: string | undefined;
  /** Special tokens by the name under which templates know them: `bos_token`, `eos_token`. */
  readonly tokens: Readonly<Record<string, string>>;
  readonly outputCharsMax: number;
  /** What `strftime_now` takes for now, in milliseconds since 1970, UTC. */
  readonly nowMilliseconds: number;
  /** One Int32 that changes whenever the thread starts something: how the program knows that it is alive. */
  readonly progress: SharedArrayBuffer;
}

/** One turn of a conversation. Templates may read further keys, `tool_calls` for one; with those, `content` may be absent. */
export interface ChatMessage {
  readonly role: string;
  readonly content?: string | null;
  readonly [key: string]: unknown;
}

export interface RenderRequest {
  readonly messages: readonly ChatMessage[];
  /** Whether the text ends where the assistant begins to speak. */
  readonly addGenerationPrompt: boolean;
  /** Descriptions of functions (JSON schema) that the assistant may call. */
  readonly tools?: readonly unknown[];
}

/** The text, or the template's own reason for refusing the conversation. */
export type RenderAnswer = { readonly text: string } | { readonly error: string };
