import { blobCases } from '../../platform-suite/blob-cases.ts';
import { uploadCases } from '../../platform-suite/upload-cases.ts';
import { openAwsSuiteWorld } from '../open-aws.ts';
import { readEndpoints } from '../targets.ts';
import { caseTests } from './case-tests.ts';

const areas = { blobs: blobCases, uploads: uploadCases };

for (const [emulator, s3] of Object.entries(readEndpoints().blobs))
  caseTests({ emulator, areas, open: () => openAwsSuiteWorld({ endpoints: { s3 }, waits: true }) });
