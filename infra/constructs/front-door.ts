import { Aws, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  FunctionEventType,
  HeadersFrameOption,
  HttpVersion,
  OriginRequestPolicy,
  PriceClass,
  ResponseHeadersPolicy,
  SecurityPolicyProtocol,
  ViewerProtocolPolicy,
  type BehaviorOptions,
} from 'aws-cdk-lib/aws-cloudfront';
import { HttpOrigin, S3BucketOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { nameOfConsoleBucket } from '../names.ts';
import type { Settings } from '../settings.ts';
import { acknowledge } from './acknowledge.ts';
import { consoleRoutes } from './console-routes.ts';

export interface FrontDoorProps {
  readonly api: HttpApi;
  readonly settings: Pick<Settings, 'stage' | 'domain'>;
}

/** One origin for the console and the API, so that neither CORS nor cookies of another site are needed. */
export class FrontDoor extends Construct {
  readonly distribution: Distribution;
  readonly consoleBucket: Bucket;

  constructor(scope: Construct, id: string, { api, settings }: FrontDoorProps) {
    super(scope, id);
    const { domain } = settings;
    this.consoleBucket = new Bucket(this, 'Console', {
      bucketName: nameOfConsoleBucket(settings, { account: Aws.ACCOUNT_ID, region: Aws.REGION }),
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      // it can be built again; who takes the stage down empties it before
      removalPolicy: RemovalPolicy.DESTROY,
    });
    acknowledge(
      this.consoleBucket,
      'AwsSolutions-S1',
      'It holds the files of the console, which are public; only CloudFront reads them.',
    );
    const answers: BehaviorOptions = {
      origin: new HttpOrigin(`${api.apiId}.execute-api.${Stack.of(this).region}.${Stack.of(this).urlSuffix}`, {
        readTimeout: Duration.seconds(30),
      }),
      allowedMethods: AllowedMethods.ALLOW_ALL,
      cachePolicy: CachePolicy.CACHING_DISABLED,
      originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
      viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
    };
    this.distribution = new Distribution(this, 'Distribution', {
      defaultRootObject: 'index.html',
      httpVersion: HttpVersion.HTTP2_AND_3,
      priceClass: PriceClass.PRICE_CLASS_100,
      ...(domain
        ? {
            domainNames: [domain.name],
            certificate: Certificate.fromCertificateArn(this, 'Certificate', domain.certificateArn),
            minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_2_2021,
          }
        : {}),
      defaultBehavior: {
        origin: S3BucketOrigin.withOriginAccessControl(this.consoleBucket as IBucket), // written without exact optional types
        viewerProtocolPolicy: ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        cachePolicy: CachePolicy.CACHING_OPTIMIZED,
        responseHeadersPolicy: this.#pageHeaders(),
        functionAssociations: [{ function: consoleRoutes(this), eventType: FunctionEventType.VIEWER_REQUEST }],
      },
      additionalBehaviors: { '/v1/*': answers, '/docs': answers, '/openapi.json': answers },
    });
    const reasons = {
      CFR1: 'Who may come in is decided by keys, not by countries; a team is anywhere.',
      CFR2: 'A web ACL is billed by the month whether anybody comes or not; the API has limits of its own.',
      CFR3: 'The API logs each call; files of the console are public, and who reads them is not looked at.',
      ...(domain
        ? {}
        : { CFR4: 'Without a domain of its own it has the certificate of CloudFront, whose policy cannot be chosen.' }),
    };
    for (const [rule, reason] of Object.entries(reasons))
      acknowledge(this.distribution, `AwsSolutions-${rule}`, reason);
  }

  #pageHeaders(): ResponseHeadersPolicy {
    return new ResponseHeadersPolicy(this, 'PageHeaders', {
      securityHeadersBehavior: {
        contentSecurityPolicy: {
          // parts of uploads go straight to S3
          contentSecurityPolicy: `default-src 'self'; connect-src 'self' https://*.amazonaws.com; object-src 'none'; base-uri 'none'; frame-ancestors 'none'`,
          override: true,
        },
        contentTypeOptions: { override: true },
        frameOptions: { frameOption: HeadersFrameOption.DENY, override: true },
        strictTransportSecurity: { accessControlMaxAge: Duration.days(365), includeSubdomains: true, override: true },
      },
    });
  }
}
