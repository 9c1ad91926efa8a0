import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Alias, Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';

/**
 * The key that signs what is published and the audit: Ed25519, as on one machine, so that whoever checks knows one kind. It never leaves
 * KMS, which turns no asymmetric key over by itself. A dollar a month.
 */
export class SigningKey extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { aliasName, letGo = false }: { readonly aliasName: string; readonly letGo?: boolean },
  ) {
    super(scope, id);
    const removalPolicy = letGo ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN;
    const key = new Key(this, 'Key', {
      description: `Signs what ${aliasName.replace('alias/', '')} publishes, and its audit.`,
      keySpec: KeySpec.ECC_NIST_EDWARDS25519,
      keyUsage: KeyUsage.SIGN_VERIFY,
      removalPolicy,
      // as long as there is: until then it can be taken back
      pendingWindow: Duration.days(30),
    });
    void new Alias(this, 'Alias', { aliasName, targetKey: key, removalPolicy });
  }
}
