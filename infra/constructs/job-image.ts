import { fileURLToPath } from 'node:url';
import { Aws } from 'aws-cdk-lib';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { Image } from '../settings.ts';
import { baseImages } from './base-images.ts';
import { givePolicy } from './grants.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface JobImageProps {
  readonly image: Image;
  /** Stage of `gpu-job/Dockerfile`. */
  readonly target: 'cpu' | 'gpu';
  /** Who fetches it: ECS for the container, and a machine for itself. */
  readonly roles: readonly Role[];
}

/** The image of a container: made from this repository where it is deployed, or one that was pushed before. */
export function jobImage(scope: Construct, id: string, { image, target, roles }: JobImageProps): ContainerImage {
  if ('uri' in image) {
    const repository = repositoryArn(image.uri);
    // a public image needs no rights
    if (repository !== undefined) givePullRights(scope, id, roles, repository);
    return ContainerImage.fromRegistry(image.uri);
  }
  const asset = new DockerImageAsset(scope, id, {
    directory: root,
    file: 'gpu-job/Dockerfile',
    target,
    platform: Platform.LINUX_AMD64,
    buildArgs: baseImages(process.env),
    // .dockerignore says what it is made of; all else would make it a new one with each change of a document
  });
  givePullRights(scope, id, roles, asset.repository.repositoryArn);
  return ContainerImage.fromRegistry(asset.imageUri);
}

/** Of an image in ECR; undefined for one that is elsewhere. */
function repositoryArn(uri: string): string | undefined {
  const [, account, region, name] =
    /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/([^@:]+)/.exec(uri) ?? [];
  return name === undefined ? undefined : `arn:${Aws.PARTITION}:ecr:${region}:${account}:repository/${name}`;
}

function givePullRights(scope: Construct, id: string, roles: readonly Role[], repository: string): void {
  for (const role of roles)
    givePolicy(scope, `${id}PullBy${role.node.id}`, role, [
      {
        actions: ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
        resources: [repository],
      },
      {
        actions: ['ecr:GetAuthorizationToken'],
        resources: ['*'],
        why: 'IAM knows no resources for this action: it opens the registry, and the other statement says which repository.',
      },
    ]);
}
