import type { Handler } from '../http/handler.ts';
import { abortUpload } from './abort-upload.ts';
import { completeUpload } from './complete-upload.ts';
import { getUpload } from './get-upload.ts';
import { signUploadParts } from './sign-upload-parts.ts';

/** What this function answers. */
export const uploadHandlers: readonly Handler[] = [getUpload, signUploadParts, completeUpload, abortUpload];
