/** Every key of the blob store. Each begins with the team. */
export const blobKeys = {
  versionFile: (team: string, versionId: string, path: string): string => `${team}/versions/${versionId}/files/${path}`,
  /** What the validator found, whole. */
  versionChecks: (team: string, versionId: string): string => `${team}/versions/${versionId}/checks.json`,
  baseFile: (team: string, baseId: string, path: string): string => `${team}/bases/${baseId}/files/${path}`,
  /** Name, type and shape of every tensor. */
  baseTensors: (team: string, baseId: string): string => `${team}/bases/${baseId}/tensors.json`,
  datasetFile: (team: string, datasetId: string): string => `${team}/datasets/${datasetId}/data.jsonl`,
  /** A part of the saved state of a training run. */
  jobCheckpoint: (team: string, jobId: string, path: string): string => `${team}/jobs/${jobId}/checkpoint/${path}`,
  jobFile: (team: string, jobId: string, path: string): string => `${team}/jobs/${jobId}/files/${path}`,
  jobOutcome: (team: string, jobId: string): string => `${team}/jobs/${jobId}/outcome.json`,
  jobReport: (team: string, jobId: string): string => `${team}/jobs/${jobId}/report.json`,
} as const;

/**
 * Id of the version, base, dataset or job whose file it is, among the bytes that are counted; undefined for what the platform notes about
 * it, which is not.
 */
export function thingOfBlob(key: string): string | undefined {
  const [, kind = '', id, part = ''] = key.split('/');
  return countedParts[kind]?.includes(part) === true ? id : undefined;
}

const countedParts: Readonly<Record<string, readonly string[]>> = {
  versions: ['files'],
  bases: ['files'],
  datasets: ['data.jsonl'],
  jobs: ['files', 'checkpoint'],
};

/** Everything of one thing begins with its id, which is never given again; so what goes with it is found without asking any record. */
export const blobPrefixes = {
  version: (team: string, versionId: string): string => `${team}/versions/${versionId}/`,
  base: (team: string, baseId: string): string => `${team}/bases/${baseId}/`,
  dataset: (team: string, datasetId: string): string => `${team}/datasets/${datasetId}/`,
} as const;
