import { Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { BlobBucket } from '../constructs/blob-bucket.ts';
import { RecordsTable } from '../constructs/records-table.ts';
import { namesOf } from '../names.ts';
import type { Settings } from '../settings.ts';

/** What is kept: deleting the stack leaves it. */
export class DataStack extends Stack {
  constructor(scope: Construct, id: string, { settings, ...props }: StackProps & { readonly settings: Settings }) {
    super(scope, id, { ...props, terminationProtection: true });
    const names = namesOf(settings);
    new RecordsTable(this, 'Records', { tableName: names.table });
    new BlobBucket(this, 'Blobs', {
      bucketName: names.bucket,
      // without a domain the console's origin is known only after this stack is made; a signed link is the authorisation
      origins: [settings.domain ? `https://${settings.domain.name}` : '*'],
    });
  }
}
