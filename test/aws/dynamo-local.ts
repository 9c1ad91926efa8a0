import { join } from 'node:path';
import { places } from './places.ts';

/** How DynamoDB Local is started, in memory. It listens on every interface: start it in a network namespace of its own. */
export function dynamoStart({ temporary, port }: { readonly temporary: string; readonly port: number }): {
  readonly file: string;
  readonly args: readonly string[];
} {
  const libraries = `-Djava.library.path=${join(places.dynamo, 'DynamoDBLocal_lib')}`;
  const jar = join(places.dynamo, 'DynamoDBLocal.jar');
  const memory = ['-inMemory', '-sharedDb', '-disableTelemetry'];
  const settings = [`-Djava.io.tmpdir=${temporary}`, '-XX:-UsePerfData', libraries];
  return { file: 'java', args: [...settings, '-jar', jar, ...memory, '-port', String(port)] };
}
