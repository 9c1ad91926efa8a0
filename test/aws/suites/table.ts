import { queryCases } from '../../platform-suite/query-cases.ts';
import { tableCases } from '../../platform-suite/table-cases.ts';
import { transactCases } from '../../platform-suite/transact-cases.ts';
import { openAwsSuiteWorld } from '../open-aws.ts';
import { readEndpoints, theTable } from '../targets.ts';
import { caseTests } from './case-tests.ts';

const { emulator, dynamo } = theTable(readEndpoints());
const areas = { table: tableCases, query: queryCases, transact: transactCases };

caseTests({ emulator, areas, open: () => openAwsSuiteWorld({ endpoints: { dynamo } }) });

/** As a careful caller meets a table that refuses calls and loses answers. */
const faulty = Object.entries(areas).map(
  ([area, cases]) => [`${area} with faults`, cases.filter(({ faultless }) => !faultless)] as const,
);
caseTests({
  emulator,
  areas: Object.fromEntries(faulty),
  open: () => openAwsSuiteWorld({ endpoints: { dynamo }, seed: 1 }),
});
