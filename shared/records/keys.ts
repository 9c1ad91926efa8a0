import type { RecordKey } from '../platform/ports.ts';

/**
 * Every key of the table. A partition begins with the team that owns what is in it, so that credentials can be narrowed to a team.
 * The exceptions, because they are looked up before or without knowing a team: `KEY#` (API keys), `SECRET#` (what the platform keeps to
 * itself) and the lists of teams, of unfinished erasures, jobs and uploads and of what is to be purged, which sweeps read.
 */
export const keys = {
  apiKey: (keyId: string): RecordKey => ({ partition: `KEY#${keyId}`, sort: 'key' }),
  /** When a key was used last; a record of its own, so that it never stands in the way of a change of the key. */
  apiKeyUse: (keyId: string): RecordKey => ({ partition: `KEY#${keyId}`, sort: 'use' }),
  secret: (name: string): RecordKey => ({ partition: `SECRET#${name}`, sort: 'secret' }),
  activeJobs: 'ACTIVE#jobs',
  activeUploads: 'ACTIVE#uploads',
  activePurges: 'ACTIVE#purges',
  activeTeams: 'ACTIVE#teams',
  activeErasures: 'ACTIVE#erasures',

  team: (team: string): RecordKey => ({ partition: `${team}#team`, sort: 'team' }),
  serviceAccount: (team: string, name: string): RecordKey => ({
    partition: `${team}#service-account#${name}`,
    sort: 'service-account',
  }),
  idempotency: (team: string, keyId: string, hash: string): RecordKey => ({
    partition: `${team}#idempotency#${keyId}`,
    sort: hash,
  }),
  /** One partition an hour, so that a busy team does not wait for one partition. */
  audit: (team: string, iso: string, requestId: string, position: number): RecordKey => ({
    partition: auditPartition(team, iso.slice(0, 13)),
    sort: `${iso}#${requestId}#${position}`,
  }),
  /** Something refused: a key has so many places a minute, whoever asks and however often. */
  auditDenied: (team: string, iso: string, keyId: string, place: number): RecordKey => ({
    partition: auditPartition(team, iso.slice(0, 13)),
    sort: `${iso.slice(0, 16)}#denied#${keyId}#${numberSort(place)}`,
  }),
  /** What the hours of the audit held when they were over, in one chain. */
  auditSeal: (team: string, number: number): RecordKey => ({
    partition: auditPartition(team, 'seals'),
    sort: numberSort(number),
  }),
  /** The end of that chain. */
  auditHead: (team: string): RecordKey => ({ partition: `${team}#audit-head`, sort: 'head' }),

  adapter: (team: string, name: string): RecordKey => ({ partition: `${team}#adapter#${name}`, sort: 'adapter' }),
  version: (team: string, versionId: string): RecordKey => ({
    partition: `${team}#version#${versionId}`,
    sort: 'version',
  }),
  /** Number of a version of an adapter -> its id. */
  versionNumber: (team: string, adapterId: string, version: number): RecordKey => ({
    partition: `${team}#version-numbers#${adapterId}`,
    sort: numberSort(version),
  }),
  /** Of a version or a base, by its id: what was published, signed. */
  manifest: (team: string, id: string): RecordKey => ({ partition: `${team}#manifest#${id}`, sort: 'manifest' }),
  /** A dataset that was erased, by its id. */
  erasure: (team: string, datasetId: string): RecordKey => ({
    partition: `${team}#erasure#${datasetId}`,
    sort: 'erasure',
  }),
  /** All of them. */
  erased: (team: string): RecordKey => ({ partition: `${team}#erased`, sort: 'erased' }),
  /** One step of the lineage, from either end: what was made with this, what this was made of. */
  madeWith: (team: string, parentId: string, childId: string): RecordKey => ({
    partition: `${team}#made-with#${parentId}`,
    sort: childId,
  }),
  madeOf: (team: string, childId: string, parentId: string): RecordKey => ({
    partition: `${team}#made-of#${childId}`,
    sort: parentId,
  }),
  alias: (team: string, adapterId: string, alias: string): RecordKey => ({
    partition: `${team}#aliases#${adapterId}`,
    sort: alias,
  }),
  /** `revision` of the alias that this row describes. */
  aliasHistory: (team: string, adapterId: string, alias: string, revision: number): RecordKey => ({
    partition: `${team}#alias-history#${adapterId}#${alias}`,
    sort: numberSort(revision),
  }),
  /** That somebody, a key or a service account, has approved that an alias is pointed to a version. */
  approval: (team: string, adapterId: string, alias: string, version: number, principal: string): RecordKey => ({
    partition: `${team}#approvals#${adapterId}`,
    sort: `${alias}#${numberSort(version)}#${principal}`,
  }),
  /** That an adapter `TEAM:NAME` of another team is shared with this one: listed here, and read where it is. */
  shared: (team: string, ref: string): RecordKey => ({ partition: `${team}#shared`, sort: ref }),
  /** That another team was ever given an adapter of this one, and may have made something with it. */
  reached: (team: string, other: string): RecordKey => ({ partition: `${team}#reached`, sort: other }),
  tag: (team: string, tag: string, adapter: string): RecordKey => ({ partition: `${team}#tag#${tag}`, sort: adapter }),

  /** What the team (`team`), or one of its keys (its id), may use, has used and has reserved. */
  budget: (team: string, subject: string): RecordKey => ({ partition: `${team}#budget`, sort: subject }),
  /** Bytes that are kept, or may come, of the thing of this id. */
  holding: (team: string, id: string): RecordKey => ({ partition: `${team}#stored`, sort: id }),
  /** When its bytes were counted anew. */
  recount: (team: string): RecordKey => ({ partition: `${team}#recount`, sort: 'recount' }),

  upload: (team: string, uploadId: string): RecordKey => ({ partition: `${team}#upload#${uploadId}`, sort: 'upload' }),
  base: (team: string, name: string): RecordKey => ({ partition: `${team}#base#${name}`, sort: 'base' }),
  dataset: (team: string, name: string): RecordKey => ({ partition: `${team}#dataset#${name}`, sort: 'dataset' }),
  composition: (team: string, name: string): RecordKey => ({
    partition: `${team}#composition#${name}`,
    sort: 'composition',
  }),

  /** What is to go of the thing of this id, and when; where it was deleted, its tombstone. */
  purge: (team: string, id: string): RecordKey => ({ partition: `${team}#purge#${id}`, sort: 'purge' }),

  job: (team: string, jobId: string): RecordKey => ({ partition: `${team}#job#${jobId}`, sort: 'job' }),
  jobHeartbeat: (team: string, jobId: string): RecordKey => ({ partition: `${team}#job#${jobId}`, sort: 'heartbeat' }),
  /** Who may write for the job. */
  jobFence: (team: string, jobId: string): RecordKey => ({ partition: `${team}#job#${jobId}`, sort: 'fence' }),
  /** What a container has made and not yet published. */
  jobDelivery: (team: string, jobId: string): RecordKey => ({ partition: `${team}#job#${jobId}`, sort: 'delivery' }),
  /** The saved state of a training run. */
  jobCheckpoint: (team: string, jobId: string): RecordKey => ({
    partition: `${team}#job#${jobId}`,
    sort: 'checkpoint',
  }),
  /** A container that was found silent. */
  jobSilence: (team: string, jobId: string): RecordKey => ({ partition: `${team}#job#${jobId}`, sort: 'silence' }),
  /** A chunk of a job's stream that begins with the line of this id. */
  jobChunk: (team: string, jobId: string, firstId: number): RecordKey => ({
    partition: `${team}#job#${jobId}`,
    sort: `${jobChunkPrefix}${numberSort(firstId)}`,
  }),
} as const;

/** Of the jobs of one team in `keys.activeJobs`. */
export function activeJobSort(team: string, jobId: string): string {
  return `${team}#${jobId}`;
}

export const jobChunkPrefix = 'chunk#';

/** Partitions of the indexes: what can be listed, and in which order. */
export const lists = {
  /** index1, by name. */
  adapters: (team: string): string => `${team}#adapters`,
  /** index2, by name. */
  adaptersOfBase: (team: string, base: string): string => `${team}#adapters-of#${base}`,
  /** index1, by time of creation. */
  versions: (team: string, adapterId: string): string => `${team}#versions#${adapterId}`,
  /** index1, by name. */
  bases: (team: string): string => `${team}#bases`,
  datasets: (team: string): string => `${team}#datasets`,
  compositions: (team: string): string => `${team}#compositions`,
  /** index2, by name and time: what was deleted and still has its bytes. */
  deleted: (team: string, kind: string): string => `${team}#deleted#${kind}`,
  /** index1, by time of creation. */
  jobs: (team: string): string => `${team}#jobs`,
  apiKeys: (team: string): string => `${team}#keys`,
  /** index1, by name. */
  serviceAccounts: (team: string): string => `${team}#service-accounts`,
} as const;

export function auditPartition(team: string, hour: string): string {
  return `${team}#audit#${hour}`;
}

/** Digits that sort as numbers do. */
export function numberSort(value: number): string {
  return String(value).padStart(12, '0');
}

/** Sort key by time; the id tells apart what happened at once. */
export function timeSort(iso: string, id: string): string {
  return `${iso}#${id}`;
}
