import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { tableSchema } from '../../shared/aws/table-schema.ts';

/**
 * The one table of records, laid out as `shared/aws` reads it. It costs nothing while nobody asks, can be put back to any second of the
 * last 35 days, and is deleted by hand only. `Table` and not `TableV2`, which emulators do not know.
 */
export class RecordsTable extends Construct {
  readonly table: Table;

  constructor(
    scope: Construct,
    id: string,
    { tableName, letGo = false }: { readonly tableName: string; readonly letGo?: boolean },
  ) {
    super(scope, id);
    const text = (name: string) => ({ name, type: AttributeType.STRING });
    this.table = new Table(this, 'Table', {
      tableName,
      partitionKey: text(tableSchema.partitionKey),
      sortKey: text(tableSchema.sortKey),
      timeToLiveAttribute: tableSchema.expiry,
      billingMode: BillingMode.PAY_PER_REQUEST,
      // with a key that AWS owns and that costs nothing
      encryption: TableEncryption.DEFAULT,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: !letGo,
      removalPolicy: letGo ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    });
    for (const [indexName, { partitionKey, sortKey }] of Object.entries(tableSchema.indexes))
      this.table.addGlobalSecondaryIndex({
        indexName,
        partitionKey: text(partitionKey),
        sortKey: text(sortKey),
        projectionType: ProjectionType.ALL,
      });
  }
}
