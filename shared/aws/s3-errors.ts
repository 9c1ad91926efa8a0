import { S3ServiceException } from '@aws-sdk/client-s3';

/** Whether S3 says that there is no such version; a malformed version id is one that S3 never gave. */
export function isNoSuchBlob(error: unknown): boolean {
  if (!(error instanceof S3ServiceException)) return false;
  if (error.name === 'InvalidArgument') return /version/i.test(error.message);
  return ['NoSuchKey', 'NoSuchVersion', 'NotFound', 'MethodNotAllowed'].includes(error.name);
}

export function isNoSuchUpload(error: unknown): boolean {
  return error instanceof S3ServiceException && error.name === 'NoSuchUpload';
}

export function isBadRange(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 416;
}

/** S3 refuses so whoever may not list the whole bucket, of a version that is not there, too. */
export function isForbidden(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 403;
}

/** An answer to HEAD has no body that would say what is wrong with the request. */
export function isUnexplained(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 400;
}
