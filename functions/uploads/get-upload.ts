import { getUpload as operation } from '../../shared/contract/uploads.ts';
import { presentUpload } from '../../shared/records/present-upload.ts';
import { handler } from '../http/handler.ts';
import { findUpload } from './find-upload.ts';

export const getUpload = handler(operation, async ({ world }, caller, { params }) =>
  presentUpload(world, (await findUpload(world, caller, params.upload)).value),
);
