import { Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { BlobBucket } from '../constructs/blob-bucket.ts';
import { RecordsTable } from '../constructs/records-table.ts';
import { SigningKey } from '../constructs/signing-key.ts';
import { nameOfOwnTable, namesOf } from '../names.ts';
import type { Settings } from '../settings.ts';

export interface DataStackProps extends StackProps {
  readonly settings: Settings;
  /** Whether table, bucket and key go with the stack, with everything that is in them; otherwise deleting it leaves them. */
  readonly letGo?: boolean;
}

/** What is kept. */
export class DataStack extends Stack {
  constructor(scope: Construct, id: string, { settings, letGo = false, ...props }: DataStackProps) {
    super(scope, id, { ...props, terminationProtection: !letGo });
    const names = namesOf(settings);
    new RecordsTable(this, 'Records', { tableName: nameOfOwnTable(settings), letGo });
    // whoever has pinned it believes what it has signed for longer than anything else of the stage lives
    new SigningKey(this, 'Signing', { aliasName: names.signingKey, letGo });
    new BlobBucket(this, 'Blobs', {
      bucketName: names.bucket,
      letGo,
      // without a domain the console's origin is known only after this stack is made; a signed link is the authorisation
      origins: [settings.domain ? `https://${settings.domain.name}` : '*'],
    });
  }
}
