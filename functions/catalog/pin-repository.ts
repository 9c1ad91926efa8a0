import { HubApiError, listFiles, modelInfo } from '@huggingface/hub';
import type { ImportSource } from '../../shared/records/import-request.ts';
import { DomainError, UnavailableError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import type { ApiDeps } from '../http/api-deps.ts';

/**
 * The commit that a revision means now, so that the import and every later look fetch the same bytes. Throws
 * `DomainError('no-such-repository' | 'no-weights' | 'too-large' | 'not-available-here')` and `UnavailableError`.
 */
export async function pinRepository(
  hub: ApiDeps['hub'],
  { repository, revision }: { readonly repository: string; readonly revision: string },
): Promise<Extract<ImportSource, { kind: 'huggingface' }>> {
  if (!hub) throw new DomainError('not-available-here', 'This installation fetches nothing from Hugging Face.');
  const accessToken = await hub.accessToken?.();
  const access = { hubUrl: hub.url, ...(accessToken === undefined ? {} : { accessToken }) };
  const { sha } = await asking(repository, revision, () =>
    modelInfo({ ...access, name: repository, revision, additionalFields: ['sha'], fetch: patientFetch }),
  );
  if (!/^[0-9a-f]{40}$/.test(sha)) throw new UnavailableError(`${hub.url} names no commit for ${repository}`);
  const files = await asking(repository, revision, async () => {
    const entries: { readonly path: string; readonly size: number }[] = [];
    const listing = listFiles({ ...access, repo: repository, revision: sha, recursive: true, fetch: patientFetch });
    for await (const { type, path, size } of listing) if (type === 'file') entries.push({ path, size });
    return entries;
  });
  checkFiles(repository, files);
  return { kind: 'huggingface', repository, revision: sha };
}

async function asking<T>(repository: string, revision: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof HubApiError && [401, 403, 404].includes(error.statusCode))
      throw new DomainError(
        'no-such-repository',
        `Hugging Face shows no model ${repository} at ${revision} to this server: check the name and the revision; a gated or private one needs HF_TOKEN (on AWS the token of the stage) of someone who may read it.`,
        { cause: error },
      );
    throw new UnavailableError(`Hugging Face did not answer about ${repository}`, { cause: error });
  }
}

const patientFetch: typeof fetch = (input, init) =>
  fetch(input, { ...init, signal: AbortSignal.timeout(limits.hubMilliseconds) });

function checkFiles(repository: string, files: readonly { readonly path: string; readonly size: number }[]): void {
  if (!files.some(({ path }) => /^[^/]+\.(safetensors|gguf)$/.test(path)))
    throw new DomainError(
      'no-weights',
      `${repository} has neither safetensors nor GGUF files at its top: choose a repository of a model that has.`,
    );
  const sizeBytes = files
    .filter(({ path }) => /^[^/]+\.(safetensors|json|jinja|txt|model)$/.test(path))
    .reduce((sum, { size }) => sum + size, 0);
  if (sizeBytes > limits.baseBytesMax)
    throw new DomainError(
      'too-large',
      `${repository} has ${sizeBytes} bytes; a base has at most ${limits.baseBytesMax}.`,
    );
}
