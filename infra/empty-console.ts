import { DeleteObjectsCommand, ListObjectsV2Command, NoSuchBucket, S3Client } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { nameOfConsoleBucket } from './names.ts';
import type { Settings } from './settings.ts';

/**
 * Deletes the files of a stage's console, which can be built again: CloudFormation deletes no bucket that has any. A bucket that is gone has
 * none. Answers how many there were.
 */
export async function emptyConsole({ stage, region }: Pick<Settings, 'stage' | 'region'>): Promise<number> {
  const [s3, sts] = [new S3Client({ region }), new STSClient({ region })];
  try {
    const { Account: account = '' } = await sts.send(new GetCallerIdentityCommand({}));
    return await deleteAll(s3, nameOfConsoleBucket({ stage }, { account, region }));
  } catch (error) {
    if (error instanceof NoSuchBucket) return 0;
    throw error;
  } finally {
    s3.destroy();
    sts.destroy();
  }
}

async function deleteAll(s3: S3Client, bucket: string): Promise<number> {
  for (let deleted = 0; ;) {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
    if (Contents.length === 0) return deleted;
    const Objects = Contents.map(({ Key }) => ({ Key }));
    const { Errors = [] } = await s3.send(
      new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
    );
    const [failed] = Errors;
    if (failed) throw new Error(`${failed.Key} cannot be deleted from ${bucket}: ${failed.Message}`);
    deleted += Objects.length;
  }
}
