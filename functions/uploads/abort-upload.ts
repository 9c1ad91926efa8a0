import { abortUpload as operation } from '../../shared/contract/uploads.ts';
import { DomainError } from '../../shared/errors.ts';
import { ConditionError } from '../../shared/platform/ports.ts';
import { abandonUpload } from '../../shared/records/abandon-upload.ts';
import { handler } from '../http/handler.ts';
import { findUpload } from './find-upload.ts';

export const abortUpload = handler(operation, async ({ world }, caller, { params }) => {
  const closed = (): DomainError =>
    new DomainError('upload-closed', 'The upload is completed: what it brought can be withdrawn or deleted instead.');
  const upload = await findUpload(world, caller, params.upload);
  if (upload.value.state === 'completed') throw closed();
  if (upload.value.state === 'aborted') return undefined;
  try {
    await abandonUpload(world, caller, upload, 'upload-aborted');
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    if ((await findUpload(world, caller, params.upload)).value.state === 'completed') throw closed();
  }
  return undefined;
});
