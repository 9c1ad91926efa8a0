/** A bound on what may run at once in a region, in vCPUs. */
export interface Quota {
  readonly code: string;
  readonly name: string;
  readonly vcpus: number;
}

/** What is asked of an AWS account before anything is deployed into it. Each call throws what AWS says against it. */
export interface Account {
  identity(): Promise<{ readonly account: string; readonly arn: string }>;
  /** Of the CDK's bootstrap in this region; `undefined`: there is none. */
  bootstrapVersion(): Promise<number | undefined>;
  /** Those on machines. */
  machineQuotas(): Promise<readonly Quota[]>;
  /** Types of these families by zone. */
  offerings(families: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
}
