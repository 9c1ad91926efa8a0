import { DomainError } from '../../shared/errors.ts';

/** Arguments of `gpu-job/Dockerfile`. */
const names = ['NODE_IMAGE', 'PYTHON_IMAGE', 'CUDA_IMAGE'] as const;

/**
 * The bases of images that are built here, by digest, as a pipeline finds them out and puts them into the environment. Where there are none,
 * the file's own tags hold. Throws `DomainError('bad-setting')` for one that is no digest.
 */
export function baseImages(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const given = names.flatMap((name) => (environment[name] ? [[name, environment[name]] as const] : []));
  const findings = given
    .filter(([, image]) => !/^[^\s@]+@sha256:[0-9a-f]{64}$/.test(image))
    .map(([where, image]) => ({
      severity: 'error' as const,
      code: 'bad-setting',
      where,
      message: `"${image}" is no image by its digest: host/name@sha256:...`,
    }));
  if (findings.length > 0)
    throw new DomainError('bad-setting', findings.map(({ where, message }) => `${where}: ${message}`).join('; '), {
      findings,
    });
  return Object.fromEntries(given);
}
