import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption, HttpMethods, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { limits } from '../../shared/limits.ts';
import { acknowledge } from './acknowledge.ts';

export interface BlobBucketProps {
  readonly bucketName: string;
  /** Whether it goes with its stack, emptied of all versions. */
  readonly letGo?: boolean;
  /** Of pages that may send and fetch by signed links. */
  readonly origins: readonly string[];
}

/** The bucket of blobs: private, spoken to by TLS only, every version kept until the platform deletes it by name. */
export class BlobBucket extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, { bucketName, origins, letGo = false }: BlobBucketProps) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      bucketName,
      versioned: true,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: letGo ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
      autoDeleteObjects: letGo,
      cors: [
        {
          allowedOrigins: [...origins],
          allowedMethods: [HttpMethods.GET, HttpMethods.HEAD, HttpMethods.PUT],
          allowedHeaders: ['*'],
          exposedHeaders: ['ETag', 'x-amz-checksum-sha256', 'Content-Range'],
          maxAge: 3600,
        },
      ],
      lifecycleRules: [
        {
          id: 'parts-that-nobody-joins',
          // a day after the platform has dropped the upload that they were for
          abortIncompleteMultipartUploadAfter: Duration.days(Math.ceil(limits.uploadKeptSeconds / 86_400) + 1),
        },
        {
          id: 'content-that-was-written-over',
          noncurrentVersionExpiration: Duration.days(30),
          // two who write the same key at once leave the version that a record names behind the newest one
          noncurrentVersionsToRetain: 5,
          expiredObjectDeleteMarker: true,
        },
      ],
    });
    acknowledge(
      this.bucket,
      'AwsSolutions-S1',
      'Reads and writes go by links that the API signs and audits; a log of each request would be kept and paid for, too.',
    );
  }
}
