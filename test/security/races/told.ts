/** What a client was told, or asked for without learning what came of it. */
export type Told =
  | { readonly race: 'publish'; readonly versionId: string; readonly number: number | null }
  /** `from`: where the client said that the alias points; `revision` null: nobody knows whether it moved. */
  | {
      readonly race: 'promote';
      readonly keyId: string;
      readonly from: number | null;
      readonly to: number;
      readonly revision: number | null;
    }
  | { readonly race: 'create'; readonly group: number; readonly keyId: string; readonly hasSecret: boolean }
  | { readonly race: 'revoke'; readonly keyId: string }
  /** `secret` null: the call was done before and its answer is lost. `links`: what the store took, from secret to secret, by their hashes. */
  | {
      readonly race: 'rotate';
      readonly keyId: string;
      readonly secret: string | null;
      readonly links: readonly Link[];
    };

/** A secret of a key took the place of the one before. */
export interface Link {
  readonly before: string;
  readonly after: string;
}

export interface RacerResult {
  readonly told: readonly Told[];
  /** Answers that nobody should get. */
  readonly bugs: readonly string[];
  /** Calls of the store, and how many of them were refused or had no answer on purpose. */
  readonly calls: number;
  readonly faults: number;
}
