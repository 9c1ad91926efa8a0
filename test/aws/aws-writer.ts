/** A process that takes part in a contest: `aws-writer.ts <endpoint of DynamoDB> <table> <name>`. */
import { openAwsWorld } from '../../shared/aws/aws-world.ts';
import { takePart } from '../platform-suite/contestant.ts';
import { testClients } from './test-clients.ts';

const [dynamo = '', table = '', name = ''] = process.argv.slice(2);
const none = 'http://127.0.0.1:9';
const clients = testClients({ dynamo, s3: none, batch: none, events: none });
const world = openAwsWorld({ clients, table, bucket: 'none', eventBus: 'none', jobClasses: [], pathStyle: true });
process.on('disconnect', () => process.exit());
await takePart(world.table, name);
await world.close();
process.disconnect();
