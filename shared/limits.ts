/** Every limit of the product, with its unit last in the name and the reason for its value. */
export const limits = {
  /** Characters of a name: a file name of any system has room for it and a suffix. */
  nameCharsMax: 96,
  /** Characters of a team: it stands in every key of the table, and more than once in the policy of a container. */
  teamCharsMax: 40,
  /** Characters of an adapter's name with the team before it that shares it. */
  adapterRefCharsMax: 137,
  /** Teams that an adapter is shared with: deleting the adapter takes it from all of them, and tells each, in the same transaction. */
  sharesMax: 30,
  /** Versions of other teams that one job reads: each is named in the policy of its container, which STS takes up to 2,048 characters. */
  sharedVersionsMax: 4,
  /** Tags of an adapter: each is a look-up record written in the same transaction as the change. */
  tagsMax: 20,
  /** Aliases of an adapter: deleting the adapter deletes them in the same transaction. */
  aliasesMax: 40,
  /** Rows that the audit has for what one key was refused in a minute: enough to see what is tried, and no way to fill the store. */
  auditDeniedPerMinuteMax: 16,
  /** Characters of what a caller says it is (`User-Agent`): browsers say about this much. */
  userAgentCharsMax: 256,
  /** Days that one question to the audit may be about: a quarter, each hour of which is looked at by itself. */
  auditRangeDaysMax: 92,
  /** Looks into the table for one page of the audit: with some milliseconds each, within the 30 s of a call. What is left is the next page. */
  auditReadsMax: 500,
  /** An hour of the audit is sealed this long after its end: a write is tried for 15 s at most, and clocks differ by less than minutes. */
  auditSealDelaySeconds: 600,
  /** Hours of a team that are looked at in one sweep: a month, so that one long away does not hold up the others. */
  auditHoursSealedMax: 720,
  /** Datasets that a team erases: each stands in the one record that all that is given out is held against. */
  erasuresMax: 2000,
  /** An erasure is over no sooner than this: a call from before it began, which may still make a job or a version, has ended by then. */
  erasureSettleSeconds: 60,
  /** Things that one question for a lineage finds: each is looked up by itself, all within the 30 s of a call. */
  lineageNodesMax: 1000,
  /** Bytes of a manifest with the whole request of its job: a record has room for it and its signature. */
  manifestBytesMax: 300_000,
  /** Bytes that are signed: KMS takes as many. */
  signedBytesMax: 4096,
  /** Characters of notes and descriptions: a model card belongs in a file. */
  notesCharsMax: 4000,
  /** Characters of an `Idempotency-Key`: ids of any kind, no documents. */
  idempotencyKeyCharsMax: 255,
  /** Seconds for which a key's secret before a rotation may go on working: a week is time to tell everyone who has it. */
  keyOverlapSecondsMax: 604_800,
  /** Seconds between two notes of when a key was last used: each is a write, and nobody asks more exactly. */
  keyUseNoteSeconds: 60,
  /** Keys whose last note a process remembers; it then begins anew, and looks each up once more. */
  keyUsesKept: 10_000,
  /** Characters of an `Authorization` header: a key has 70, and nothing that is much longer is one. */
  authorizationCharsMax: 256,
  /** Items of one page of a list, and how many come unasked. */
  pageItemsMax: 100,
  pageItemsDefault: 50,
  /** Characters of a cursor: a sort key and its authentication, in base64. */
  cursorCharsMax: 1024,
  /** Files of one upload: sharded models have some hundreds. */
  uploadFilesMax: 1000,
  /** Size of the parts of an upload: 10,000 of them hold the largest S3 object that is worth uploading; one fits in memory. */
  uploadPartBytes: 16_777_216,
  /** Parts of one file: S3's own limit. */
  uploadPartsMax: 10_000,
  /** Parts signed in one call: keeps the answer small. */
  signedPartsMax: 100,
  /** Bytes of an adapter: LoRA of rank 256 on every layer of a 70 B model in f32 has about 13 GB. */
  adapterBytesMax: 21_474_836_480,
  /** Bytes of a dataset: with its tokens, which take about as much again, a fifth of the disk of the smallest machine for jobs. */
  datasetBytesMax: 17_179_869_184,
  /** Bytes of a base model: a 70 B model in 16 bits has 141 GB. */
  baseBytesMax: 214_748_364_800,
  /** Bytes of the JSON body of a call: HTTP APIs of AWS refuse more than 6 MB. */
  requestBodyBytesMax: 4_194_304,
  /** Rows of metrics or lines of a log in one answer: some hundred kilobytes. */
  metricRowsMax: 1000,
  /** Prompts of one direct generation: it must end within the 30 s of a call. */
  directPromptsMax: 16,
  /** New tokens of one prompt of a direct generation, for the same reason. */
  directNewTokensMax: 512,
  /** Containers of one job that may die without a word: the first may be bad luck, the third is the job. */
  jobDeathsMax: 3,
  /** Times that a job may be stopped from outside and go on: a day on interruptible machines. */
  jobStopsMax: 20,
  /** Time between two signs of life of a container: an eighth of what `jobSilentSeconds` gives it. */
  jobHeartbeatSeconds: 5,
  /** A container that is silent for longer is taken for dead: its writer never waits that long for a store that answers. */
  jobSilentSeconds: 120,
  /** A silent container is looked at twice, so far apart: after a laptop slept, everyone seems to have been silent. */
  jobSilentTwiceSeconds: 20,
  /** Longest wait before a stopped job is tried again; the first wait is a second, and each is twice the one before. */
  jobRetryWaitSecondsMax: 300,
  /** Machine time of one job over all attempts: four days, after which Batch ends a container; longer than any training that is worth its money. */
  jobSecondsMax: 345_600,
  /** What a job that costs something may take at least when nobody says how much: an estimate of minutes is too rough to hold one to. */
  jobDefaultSecondsMin: 3600,
  /** A container that is beyond its allowance by more is taken away: the files of a base of seven billion parameters are stored by then. */
  jobOverdueSeconds: 600,
  /** Keys whose calls a second one process counts: some megabyte. */
  rateBucketsMax: 10_000,
  /** Lost races for one budget before a call gives up: each means that another job of the team began or ended. */
  budgetAttemptsMax: 200,
  /** Between two counts of a team's bytes in the store: they are counted with each change, so this only finds what a fault left. */
  recountSeconds: 86_400,
  /** Free bytes where a container works: a base of a billion parameters in 16 bits, its merged copy and checkpoints. */
  jobDiskBytesMin: 10_000_000_000,
  /** Memory of a container: the runtime and a step of the smallest model that is worth training. */
  jobMemoryBytesMin: 3_000_000_000,
  /** Between two questions whether a machine will be taken away: of the two minutes' notice, most is left for the checkpoint. */
  spotLookSeconds: 5,
  /** How long a run may outlive the end of its job: time to leave by itself. */
  jobLeaveSeconds: 30,
  /** After this a client asks again for events: soon enough to watch a job, seldom enough for many watchers. */
  eventRetryMilliseconds: 3000,
  /** Bytes of one chunk of a job's stream: far below a record's limit, many events a write. */
  jobChunkBytes: 100_000,
  /** Characters of one text in a job's stream; what is longer is cut: a sample or a log line, not a document. */
  jobTextCharsMax: 16_384,
  /** The safetensors reference implementation refuses headers above 100 MB (100,000,000 bytes), so a larger one loads nowhere. */
  safetensorsHeaderBytesMax: 100_000_000,
  /** Bytes copied at once when a tensor passes through unchanged: large enough for disk speed, small beside any model. */
  copyChunkBytes: 8_388_608,
  /** Lists and objects in one another in JSON from outside: a tokenizer has about ten; those who walk through it recurse. */
  valueNestingMax: 128,
  /** Text files read whole: tokenizer.json reaches 35 MB and the largest published weight index 10 MB; V8 strings end at 512 MB. */
  jsonFileBytesMax: 134_217_728,
  /** Tokenizers and chat templates kept between calls: each template holds a thread. */
  keptTextsMax: 3,
  /** Bytes of the files they were made from, all together: the tokenizer of Llama 3 has 17 MB. */
  keptTextBytesMax: 24_000_000,
  /** How long one is kept that nobody uses: as long as somebody looks through datasets. */
  keptTextIdleSeconds: 300,
  /** Bytes of GGUF metadata and tensor list: the largest vocabularies (256 k tokens and their merges) take about 20 MB. */
  ggufHeaderBytesMax: 67_108_864,
  /** Arrays inside arrays in GGUF metadata: no published file nests any; reading them recurses. */
  ggufArrayDepthMax: 4,
  /** Dimensions of a GGUF tensor: ggml has four. */
  ggufDimensionsMax: 4,
  /** Bytes of a tensor's name in GGUF: ggml keeps 64, the last of them a zero, and stops at longer ones. */
  ggufTensorNameBytesMax: 63,
  /** Characters of a module pattern: generated ones that list every block reach 1,000; a pattern comes from outside and is parsed by us. */
  modulePatternCharsMax: 4096,
  /** Groups inside groups in a module pattern: published ones have 3; the parser and the matcher recurse. */
  modulePatternDepthMax: 16,
  /** Steps to match one name: an honest pattern takes some tens; the bound keeps a hostile one to milliseconds. */
  modulePatternStepsMax: 50_000,
  /** Steps to match every pattern of a config with every module: 50,000 modules and a pattern of sixty alternatives, each a whole name, take 50 million. Some seconds. */
  patternStepsMax: 60_000_000,
  /** Layers of a model: Llama 3.1 405B has 126; a description of each is made before anything else is known of the model. */
  modelLayersMax: 1024,
  /** Tokens of a vocabulary: the largest published have 262,144; a list as long as the largest id is made of it. */
  vocabularyMax: 4_194_304,
  /** The largest hidden size among published dense models (Llama 3.1 405B): a rank beyond it cannot add anything. */
  loraRankMax: 16_384,
  /** A composite further than this from the weighted sum gets a warning: at 0.64 losses were seen to double, so this is well before harm. */
  compositionDistanceWarning: 0.1,
  /** Updates whose sum is this much smaller than they are themselves cancel: float32 factors carry about 7 digits. */
  cancelledShare: 1e-6,
  /** An `adapter_config.json`: the largest name each of some thousand modules twice, about 200 kB. */
  adapterConfigBytesMax: 4_194_304,
  /** Header of an adapter's weights: 256 experts in 61 layers, each with three modules, take 16 MB; it is parsed in memory. */
  adapterHeaderBytesMax: 33_554_432,
  /** Names and patterns of a config times modules, a pattern counting as 100 names: a composite of 6,000 modules that are all named needs a fifth. */
  patternMatchesMax: 400_000_000,
  /** Bytes of an adapter looked at together: enough for disk speed, little enough to hold several times. */
  validationChunkBytes: 1_048_576,
  /** Rank up to which the norm of a delta is computed: the work grows with rank times size, and two matrices of rank x rank are held. */
  validationRankMax: 1024,
  /** Values of a factor A held at once for the norm; a larger one is read a second time, in strips. 32 MiB as float32. */
  validationValuesMax: 8_388_608,
  /** Bytes of half-finished norms kept while a file is read; what comes after them is read again at the end. */
  validationPendingBytesMax: 33_554_432,
  /** Findings of one code that are listed; the others are counted. */
  validationFindingsMax: 20,
  /** Memory of the thread that validates, beside the bytes in work: headers and the rows of a dataset seen so far. */
  validatorMemoryMegabytes: 1024,
  /** How long that thread waits for more: a folder of adapters is pushed one by one, and an idle thread holds some 20 MB. */
  validatorIdleSeconds: 30,
  /**
   * Uploads above this are validated by a job where functions end after 15 minutes. Two quiet cores send and check 118 MB/s; a sixth of that,
   * for one core that reads over a network by the megabyte, is 215 s for this size and more than there is for the largest adapter.
   */
  validatorFunctionBytesMax: 4_294_967_296,
  /** Files of an adapter: weights, config, card, tokenizer and the like are about ten. */
  adapterFilesMax: 200,
  /** Two deltas count as the same up to this share of their norm: bfloat16 changes about 0.2% of one. */
  sameDeltaTolerance: 0.01,
  /** One line of a JSONL file: the longest published contexts, a million tokens, take about 5 MB of text. */
  jsonlLineBytesMax: 16_777_216,
  /** Wanted columns of one row group of a Parquet file, unpacked: it is read as a whole, and takes some times this as objects. */
  parquetGroupBytesMax: 536_870_912,
  /** Time for the largest row group of a Parquet file, several times what it takes; a damaged file may make its reader loop. */
  parquetSecondsMax: 120,
  /** Memory of the process that reads it, several times such a group. */
  parquetMemoryMegabytesMax: 4096,
  /** Bytes of a text file read at once: enough for disk speed. */
  jsonlChunkBytes: 1_048_576,
  /** Rows of one dataset: some 50 bytes of memory each while it is read, to find those that stand there twice; half of that in a run. */
  datasetRowsMax: 20_000_000,
  /** Files of one dataset that is a folder. */
  datasetFilesMax: 10_000,
  /** Findings of one kind that are listed; the others are counted. More is not read by anyone. */
  datasetFindingsMax: 20,
  /** Messages of one conversation: it is rendered twice for every turn of the assistant, so the work grows with the square. */
  conversationMessagesMax: 1024,
  /** Lists and objects in one another in the messages and tools of a row: JSON schemas reach about 20; what walks through them recurses. */
  rowNestingMax: 64,
  /** Characters of a chat template: the longest published ones have 20,000. */
  templateCharsMax: 262_144,
  /** Time for one rendering: an honest template takes about a millisecond. */
  templateRenderMillisecondsMax: 5000,
  /** Time until the thread that renders chat templates answers: a tenth of a second on a quiet machine. */
  threadStartMillisecondsMax: 60_000,
  /** Characters that one rendering may give: as much as the longest line of a dataset. */
  templateOutputCharsMax: 16_777_216,
  /** Memory of the thread that renders chat templates; it takes about 50 MB with nothing to do. */
  templateMemoryMegabytesMax: 512,
  /** Float32 values of a weight in work at once when an adapter is merged; several such blocks are alive. Larger ones were not faster. */
  mergeBlockBytes: 2_097_152,
  /** Share of the update, in the Frobenius norm, that rounding may change before a merge is warned about. */
  mergeRoundingWarning: 0.1,
  /** Threads of one operator: above the cores of any machine there is. */
  threadsMax: 1024,
  /** Workers of one training run: as many as the GPUs of the largest instance there is. */
  stepWorkersMax: 16,
  /** Prompts of one generate job: every answer is held until the report. */
  promptsMax: 10_000,
  /** Prompts of one generate job of the platform: they stand in its record. */
  jobPromptsMax: 100,
  /** Prompts that a training run continues at every evaluation: more would take longer than training. */
  samplePromptsMax: 100,
  /** Members of one composition: PEFT users combine a handful; every member's header is open at once. */
  composeMembersMax: 100,
  /** Resamplings behind an interval: beyond this its ends move less than anyone reads. */
  bootstrapSamplesMax: 100_000,
  /** Adapters trained together: each adds its rank to the products of every token of all, so beyond some the shared pass is no gain. */
  tasksMax: 16,
  /** Runs of one sweep: each is a whole training, one after another; more are a search, which a grid does badly. */
  sweepRunsMax: 64,
  /** Steps of a ramp of learning rates: of fewer each would be several times the one before; more than a thousand see nothing that a hundred do not. */
  rateStepsMin: 20,
  rateStepsMax: 1000,
  /** Datasets mixed into the first of a training run: each is open while it lasts, and shares of more are too small to tell apart. */
  mixedDatasetsMax: 16,
  /** Rows of one dataset of a mixture for each row of the first: beyond this the first is the small one, and should be told so. */
  mixWeightMax: 100,
  /** Passes over a dataset of a mixture above which the run warns: what is read more often is learnt by heart. */
  mixPassesUsual: 4,
  /** Rows of either text that an adapter is scored on at every scale: seven passes over 64 rows take as long as one over 448. */
  scaleRowsMax: 32,
  /** Checkpoints kept of one run: each of full fine-tuning has three times the size of the model. */
  checkpointsKeptMax: 100,
  /** Rows shown by a dataset check: what a person reads. */
  previewRowsMax: 1000,
  /** Key, index keys and value (as JSON) of a record: DynamoDB takes 409,600 bytes an item; the rest is left for attribute names. */
  recordBytesMax: 400_000,
  /** DynamoDB's limit for a partition key. */
  partitionKeyBytesMax: 2048,
  /** DynamoDB's limit for a sort key. */
  sortKeyBytesMax: 1024,
  /** Lists and objects in one another in a record's value: DynamoDB takes 32 levels. */
  recordNestingMax: 31,
  /** Writes and checks of one transaction: DynamoDB's limit is 100, and its token takes one. */
  transactionWritesMax: 99,
  /** Records of one transaction together: DynamoDB's limit is 4 MB. */
  transactionBytesMax: 4_000_000,
  /** Characters of a transaction's token: DynamoDB's limit, the length of a UUID. */
  transactionTokenCharsMax: 36,
  /** How long a transaction's token is remembered: longer than any caller repeats one; DynamoDB's own tokens last as long. */
  transactionTokenSeconds: 600,
  /** Records of one page: DynamoDB ends a page at 1 MB, which is about this many records of a usual size. */
  queryRecordsMax: 1000,
  /** UTF-8 bytes of a blob's key: S3's limit. */
  blobKeyBytesMax: 1024,
  /** Parts of one upload: S3's limit. */
  partsMax: 10_000,
  /** Bytes of every part but the last: S3's lower limit. */
  partBytesMin: 5_242_880,
  /** Bytes of one part: S3's upper limit. */
  partBytesMax: 5_368_709_120,
  /** An upload begun and not completed is dropped after this: a week, so that one begun on Friday can go on on Monday. */
  uploadKeptSeconds: 604_800,
  /** What was deleted keeps its bytes for a week: longer than any link, call, or index that lags, and long enough to notice a mistake. */
  deletedKeptSeconds: 604_800,
  /** What was rejected keeps its bytes for 30 days: whoever sent it comes back from holidays and can still be told what it was. */
  rejectedKeptSeconds: 2_592_000,
  /** Stream, checkpoint and exported files of a job that has ended, and what its runs printed: a quarter of a year. */
  jobTracesKeptSeconds: 7_776_000,
  /** The record of an upload after its time was over: long enough for whoever asks what became of it. */
  uploadRecordKeptSeconds: 2_592_000,
  /** Bytes that are due and still in use are looked at again after a day; a second free look lets them go, as an index may lag at the first. */
  purgeHeldSeconds: 86_400,
  /** How long the permission to send a part lasts: 16 MiB need less on any line, and an upload that pauses asks again. */
  uploadLinkSeconds: 3600,
  /** How long a link to a file works: a download that begins within it goes on, and a link that leaks is soon worth nothing. */
  downloadLinkSeconds: 900,
  /** Wait for one answer of Hugging Face: two of them must fit into the 30 s of a call. */
  hubMilliseconds: 10_000,
  /** How long a server that stops waits for answers in work: a part of an upload takes less, and a client asks again. */
  serverGraceMilliseconds: 5000,
  /** Models kept open for direct generation: someone who compares two adapters with their base uses three. */
  warmModelsMax: 3,
  /** Bytes of the files of all models that are open for direct generation: a quarter of a laptop's 32 GB. A larger model is open alone. */
  warmModelBytesMax: 8_589_934_592,
  /** A direct generation ends after this: a call must be answered within 30 s. */
  generateMilliseconds: 25_000,
  /** Direct generations that wait or run: each may take `generateMilliseconds`, so more would only wait in vain. */
  generationsWaitingMax: 16,
  /** The process that keeps models open ends after this long without a call: its memory is then worth more to jobs. */
  generatorIdleSeconds: 300,
  /** Times that one call to AWS is tried: with the waits between them a few seconds, well within the 30 s of a call. */
  awsTriesMax: 8,
  /** Longest wait before a call to AWS is tried again. */
  awsWaitMillisecondsMax: 1000,
  /** After this a call to a store is not tried again, however often it was: one more silent try, and it still ends within the 30 s of a call. */
  storePatienceMilliseconds: 15_000,
  /** Wait for a connection to AWS, and for a byte on it; a table answers in milliseconds. The SDK itself would wait for ever. */
  awsConnectMilliseconds: 3000,
  awsSilentMilliseconds: 5000,
  /** The same for S3, which takes some seconds to join a large file from its parts. */
  awsTransferSilentMilliseconds: 10_000,
  /** Bytes of a file that go to or come from S3 in one request: enough for the speed of the line, and four of them fit in memory. */
  awsTransferBytes: 33_554_432,
  /** Requests at once for one file: S3 gives each some ten MB/s to a hundred. */
  awsTransfersAtOnce: 4,
  /** A submission that was begun and not noted is taken up by another after this: longer than any call takes. */
  runSubmitSeconds: 60,
  /** Wait for another process that writes to the same database: a write takes milliseconds, a queue of them a second. */
  databaseWaitMilliseconds: 5000,
} as const;
