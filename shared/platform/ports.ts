/**
 * The world as the platform sees it. Two worlds implement these: `shared/local` (SQLite, files, child processes) and `shared/aws`
 * (DynamoDB, S3, Batch, EventBridge). A new method enters `test/platform-suite/` first, then both worlds.
 *
 * Every method may reject with `UnavailableError`: the call may or may not have taken effect, and may be repeated. A repeated write that
 * had taken effect then meets its own result: `ifAbsent` and `ifRevision` fail, `increment` counts twice. Where that matters, read first
 * or use `transact`, whose token sees to it.
 */

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };
export type JsonObject = Readonly<Record<string, JsonValue>>;

/**
 * Place of a record: records of one partition are sorted by `sort`, compared as UTF-8 bytes. Neither is empty nor holds U+0000; at most
 * `limits.partitionKeyBytesMax` and `limits.sortKeyBytesMax`.
 */
export interface RecordKey {
  readonly partition: string;
  readonly sort: string;
}

/**
 * The two secondary indexes; a record that gives no key for one is not in it. Two records never have the same key in an index (end it
 * with an id), or a page that ends between them would lose one.
 */
export type RecordIndex = 'index1' | 'index2';

export interface NewRecord {
  readonly key: RecordKey;
  readonly value: JsonObject;
  readonly index1?: RecordKey;
  readonly index2?: RecordKey;
  /** Seconds since 1970. From then on the record is invisible and counts as absent, whether or not it was swept yet. */
  readonly expiresAt?: number;
}

export interface StoredRecord extends NewRecord {
  /** 1 when the record is made; one more with each write. Where an expired one is left, a put in a transaction may count on from it. */
  readonly revision: number;
}

/** What must hold for a write to happen; without one it always happens. */
export type WriteCondition = { readonly ifAbsent: true } | { readonly ifRevision: number };

export type RecordWrite =
  | { readonly put: NewRecord; readonly condition?: WriteCondition }
  | { readonly delete: RecordKey; readonly condition?: WriteCondition }
  /** Writes nothing; the whole transaction fails unless it holds. */
  | { readonly check: RecordKey; readonly condition: WriteCondition };

export interface RecordQuery {
  readonly partition: string;
  /** Absent: the table itself, consistent. An index may lag behind. */
  readonly index?: RecordIndex;
  /** Only sort keys that begin with it. */
  readonly prefix?: string;
  /** Sort key (of the index, where one is asked) after which the page begins; with `reverse`, before which. */
  readonly after?: string;
  /** Records at most, 1 to `limits.queryRecordsMax`. A page may be shorter and still not be the last. */
  readonly limit: number;
  readonly reverse?: boolean;
}

export interface RecordPage {
  readonly records: readonly StoredRecord[];
  /** Give it as `after` for the next page; absent: this was the last. */
  readonly next?: string;
}

/** The condition of a write did not hold; nothing was written. */
export class ConditionError extends Error {
  override readonly name = 'ConditionError';
  /** Positions of the writes whose conditions failed; `[0]` for a single write. */
  readonly failed: readonly number[];

  constructor(failed: readonly number[]) {
    super(`the condition of write ${failed.join(', ')} did not hold`);
    this.failed = failed;
  }
}

/**
 * A table of JSON records with conditional writes. Both worlds refuse what DynamoDB refuses (`DomainError('record-too-large')`): a record
 * above `limits.recordBytesMax`, a transaction of more than `limits.transactionWritesMax` writes or `limits.transactionBytesMax`
 * bytes, or with the same key twice.
 */
export interface RecordTable {
  /** Consistent: sees every write that was acknowledged. */
  get(key: RecordKey): Promise<StoredRecord | undefined>;
  /** Throws `ConditionError`. */
  put(record: NewRecord, condition?: WriteCondition): Promise<StoredRecord>;
  /** Deleting what is absent is no error, unless a revision is asked for. Throws `ConditionError`. */
  delete(key: RecordKey, condition?: WriteCondition): Promise<void>;
  query(query: RecordQuery): Promise<RecordPage>;
  /**
   * Adds a whole number to one at the top of a record's value, making the record and a 0 there when absent; returns the sum. What else
   * the record holds, its index keys and its expiry stay. Throws `ConditionError` when the sum would exceed `max`.
   */
  increment(key: RecordKey, field: string, by: number, options?: { readonly max?: number }): Promise<number>;
  /**
   * All writes or none. `token` (1 to `limits.transactionTokenCharsMax` characters, new for each transaction) makes a repetition safe:
   * the same token with the same writes within ten minutes of a success succeeds without writing again; with other writes it throws
   * `DomainError('token-reused')`. Throws `ConditionError` with every failed position.
   */
  transact(writes: readonly RecordWrite[], options: { readonly token: string }): Promise<void>;
}

/**
 * Exactly one content: a key may be written again, a version never changes. A key has 1 to `limits.blobKeyBytesMax` bytes, no control
 * characters, and no empty, "." or ".." parts between its slashes: a URL would lose those.
 */
export interface BlobRef {
  readonly key: string;
  readonly versionId: string;
}

export interface BlobInfo extends BlobRef {
  readonly sizeBytes: number;
  /** Milliseconds since 1970; a world may know it to the second only. */
  readonly writtenAt: number;
}

/** A request that anyone may send as it stands until it expires. */
export interface SignedRequest {
  readonly url: string;
  /** To be sent exactly like this. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface MultipartPart {
  /** From 1. */
  readonly number: number;
  readonly sizeBytes: number;
  /** Of this part, lower-case hex. */
  readonly sha256: string;
}

/** Large immutable bytes. A client never sends bytes but by a signed part of a multipart upload. */
export interface BlobStore {
  /**
   * Begins an upload in parts; returns its id. Nothing is at `key` until it is completed. Every part but the last has exactly
   * `partSizeBytes` (from `limits.partBytesMin`), so that a store can put each where it belongs when it arrives.
   */
  beginMultipart(key: string, options: { readonly partSizeBytes: number }): Promise<string>;
  /**
   * A PUT request for one part; the store refuses other bytes than those of this size and hash. Parts may be sent again: the newest
   * counts. Numbers go to `limits.partsMax`. Throws `DomainError('no-such-upload' | 'bad-part')`.
   */
  signPart(
    key: string,
    uploadId: string,
    part: MultipartPart,
    options: { readonly expiresSeconds: number },
  ): Promise<SignedRequest>;
  /** Parts received so far, by number. Throws `DomainError('no-such-upload')`. */
  listParts(key: string, uploadId: string): Promise<readonly MultipartPart[]>;
  /**
   * Joins the parts, which must be those received, numbered from 1 without gaps; repeating it gives the same version.
   * Throws `DomainError('no-such-upload' | 'upload-incomplete')`.
   */
  completeMultipart(key: string, uploadId: string, parts: readonly MultipartPart[]): Promise<BlobInfo>;
  /** No error when there is none. */
  abortMultipart(key: string, uploadId: string): Promise<void>;
  /** Small content that the platform itself writes. */
  put(key: string, bytes: Uint8Array): Promise<BlobInfo>;
  /** A file of this machine; locally it may be linked, so it must not be changed afterwards. */
  putFile(key: string, path: string): Promise<BlobInfo>;
  head(ref: BlobRef): Promise<BlobInfo | undefined>;
  /** Bytes [offset, offset + lengthBytes). Throws `DomainError('no-such-blob')`, and `RangeError` beyond the end. */
  read(ref: BlobRef, offset: number, lengthBytes: number): Promise<Uint8Array>;
  /** Fills `target`, which may be shared memory, with the bytes from `offset` on. Throws like `read`. */
  readInto(ref: BlobRef, offset: number, target: Uint8Array): Promise<void>;
  /** All of it, in order. Throws `DomainError('no-such-blob')`. */
  stream(ref: BlobRef): AsyncIterable<Uint8Array>;
  /** Puts the content at `path`, which must not exist; locally a hard link, so it is for reading. Throws `DomainError('no-such-blob')`. */
  materialise(ref: BlobRef, path: string): Promise<void>;
  /** A GET request; ranges may be asked for. It is answered as an attachment called `fileName`. Throws `DomainError('no-such-blob')`. */
  signDownload(
    ref: BlobRef,
    options: { readonly fileName: string; readonly expiresSeconds: number },
  ): Promise<SignedRequest>;
  /** The newest version under each key that begins with `prefix`, in the order of the keys' UTF-8 bytes. */
  list(prefix: string): AsyncIterable<BlobInfo>;
  /** This version, for good. No error when there is none. */
  delete(ref: BlobRef): Promise<void>;
}

/** One try at a job by a runner. */
export interface RunInfo {
  readonly runId: string;
  readonly jobId: string;
  readonly team: string;
  /** `lost`: it ended and left no exit code, by SIGKILL or with its machine. */
  readonly state: 'waiting' | 'running' | 'ended' | 'lost';
  readonly exitCode?: number;
  /** What the runner knows of the end, for people. */
  readonly reason?: string;
}

/** What a run needs of its machine. */
export interface RunNeeds {
  /** Whether it computes much: a world that has accelerators runs it on one. */
  readonly accelerator: boolean;
  /** Memory that its tensors take together. */
  readonly memoryBytes: number;
}

export interface RunOrder {
  /** Comes from the caller, so that repeating a submission whose answer was lost starts nothing twice. 1 to 128 of A-Z a-z 0-9 _ and -. */
  readonly runId: string;
  readonly jobId: string;
  readonly team: string;
  /** Absent: the smallest machine without an accelerator. */
  readonly needs?: RunNeeds | undefined;
}

/** Starts the container of a job, when there is room. It retries nothing: the platform decides that. */
export interface JobRunner {
  submit(run: RunOrder): Promise<void>;
  describe(runId: string): Promise<RunInfo | undefined>;
  /** Runs that wait or run. */
  list(): Promise<readonly RunInfo[]>;
  /**
   * A waiting run ends without a start and without an exit code; a running one gets SIGTERM, and SIGKILL after a grace period.
   * No error when it has ended or is not known.
   */
  cancel(runId: string): Promise<void>;
}

/** Something has happened that another part should look at. A hint: it may come late, twice, or never; a sweep finds what was missed. */
export type PlatformEvent =
  | { readonly type: 'upload-completed'; readonly team: string; readonly uploadId: string }
  | { readonly type: 'run-changed'; readonly team: string; readonly jobId: string; readonly runId: string };

export interface EventBus {
  publish(event: PlatformEvent): Promise<void>;
}

/** A public key, for whoever checks what was signed. */
export interface SigningKey {
  /** SHA-256 of the key's SPKI, hex. */
  readonly keyId: string;
  /** `ECDSA_P256_SHA256`: signatures in DER, as KMS and OpenSSL write them. */
  readonly algorithm: 'Ed25519' | 'ECDSA_P256_SHA256';
  /** SPKI in DER, base64. */
  readonly publicKey: string;
}

/** What a signer gives: by which key, and the signature itself. */
export interface Signed {
  readonly key: SigningKey;
  readonly value: Uint8Array;
}

/** Vouches for what the platform says, with a key that nobody gets to see. */
export interface Signer {
  /**
   * Signs at most `limits.signedBytesMax` bytes; longer things are signed by a statement that has their hash. `about`: what the
   * statement is made from, for a signer that signs for others and looks at it before. Whoever asks checks the signature.
   */
  sign(statement: Uint8Array, about?: JsonObject): Promise<Signed>;
}

/** All of it, and where time and randomness come from. */
export interface World {
  readonly table: RecordTable;
  readonly blobs: BlobStore;
  readonly runner: JobRunner;
  readonly events: EventBus;
  /** Absent: nothing is signed, and what could be says so. */
  readonly signer?: Signer;
  /** The key that is signed with from now on; absent where nothing is signed, and where nobody asks for it. */
  readonly signingKey?: () => Promise<SigningKey>;
  /** The image of the container that this process is in, by its digest; absent: it is in none, or that is not known. */
  readonly image?: string;
  /** Milliseconds since 1970. */
  now(): number;
  randomBytes(count: number): Uint8Array;
}
