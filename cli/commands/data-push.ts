import { exitCodes } from '../../gpu-job/main.ts';
import { runCommand } from '../command.ts';
import { findingText } from '../error-text.ts';
import { asFindings } from '../server/as-findings.ts';
import { connect } from '../server/connect.ts';
import { pushDataset } from '../server/push-dataset.ts';

/** `lorary data push`: rows under a name. */
export const dataPush = runCommand({
  name: 'data push',
  summary: 'Send rows to the server, as JSON lines, unless these bytes are there already.',
  usage: 'FILE [--name NAME]',
  notes: ['FILE: JSON lines, .csv, .tsv, .parquet, or a folder of such files.'],
  words: { what: 'FILE', min: 1, max: 1 },
  examples: ['lorary data push rows.jsonl', 'lorary data push rows.parquet --name french'],
  flags: {
    name: { kind: 'text', value: 'NAME', help: 'what the dataset is called [after the file]' },
    description: { kind: 'text', value: 'TEXT', help: 'what it is' },
  },
  async run({ words: [file = ''], flags: { name, description }, json }, io) {
    const { dataset, wasThere } = await pushDataset(await connect(io), file, { name, description, json }, io);
    if (json) io.print(JSON.stringify({ dataset, wasThere }));
    else {
      for (const finding of asFindings(dataset.findings)) io.note(`${finding.severity}: ${findingText(finding)}`);
      const rows = `${(dataset.rows ?? 0).toLocaleString('en')} rows of ${dataset.format ?? 'no known format'}`;
      io.print(`${dataset.name}: ${rows}${wasThere ? '; there already, nothing was sent' : ''}`);
      io.print(`Train on it with: lorary train --base BASE --data ${dataset.name}`);
    }
    return exitCodes.done;
  },
});
