import type { Command, FlagForm } from './command.ts';

/** The reference of the command line as Markdown, made from the table of commands. */
export function referenceText(commands: readonly Command[]): string {
  const links = commands.map(({ name, summary }) => `| [\`lorary ${name}\`](#${anchor(name)}) | ${cell(summary)} |`);
  return [
    '# Command line',
    '',
    '<!-- Made by `npm run docs:cli` from cli/commands.ts: change that, not this. -->',
    '',
    intro,
    '',
    '| command | |',
    '| --- | --- |',
    ...links,
    '',
    ...commands.flatMap(commandSection),
  ].join('\n');
}

const intro = `## Folders and names

The verbs that work on models and adapters (\`train\`, \`evaluate\`, \`generate\`, \`compose\`, \`merge\`, \`export\`, \`data check\`) take folders or names. A base or
an adapter is a **folder** when it has a slash in it (\`./tiny\`, \`models/tiny\`), or when a folder of that name with the right file (\`config.json\`,
\`adapter_config.json\`) is here; the job then runs in this process and needs no server. Everything else that can be a name is a **name** that the server
knows: \`tiny\`, \`french\`, \`french@3\`, \`french@production\`; the server then runs the job, and the command shows it to its end. One call works on folders
or on names: \`lorary pull\` makes a folder of a name, \`lorary push\` a name of a folder. Rows (\`--data\`) are a file where there is one, else a dataset's name.

## Server and key

\`lorary up\` starts a server on this machine and lets \`lorary\` in the same folder use it. \`lorary login\` remembers another one. Both are kept in
\`LORARY_CONFIG\`, or \`credentials.json\` of the data folder (\`LORARY_DATA\`, or \`.lorary\` here). \`LORARY_URL\` and \`LORARY_KEY\` go before what is kept.

## Output and exit codes

Results go to standard output, everything else to standard error. With \`--json\` standard output is one line of JSON: the result, or
\`{"error":{"code","message","findings"}}\`.

| code | meaning |
| --- | --- |
| 0 | done |
| 1 | a bug in lorary; of \`check\`: an adapter is not good |
| 2 | the call is wrong and will stay so: the message says what, where, and what to do |
| 75 | try again: nothing answered, or a job ended and can go on, or it goes on without being watched |

## Commands`;

function commandSection(command: Command): string[] {
  const { name, aliases = [], summary, usage, flags, notes = [], examples } = command;
  const own = Object.entries(flags);
  const common: [string, FlagForm][] = [
    ['json', { kind: 'switch', help: 'print the result as one line of JSON, and nothing else' }],
  ];
  if (!('run' in command))
    common.push(['print-spec', { kind: 'switch', help: 'print the spec instead of running it' }]);
  return [
    `### lorary ${name}`,
    '',
    summary + (aliases.length > 0 ? ` Also \`lorary ${aliases.join('`, `lorary ')}\`.` : ''),
    '',
    '```',
    `lorary ${name} ${usage}`.trim(),
    '```',
    '',
    '| flag | |',
    '| --- | --- |',
    ...[...own, ...common].map(([flag, form]) => `| ${flagText(flag, form)} | ${cell(form.help)} |`),
    '',
    ...(notes.length > 0 ? [escaped(notes.join(' ')), ''] : []),
    '```sh',
    ...examples,
    '```',
    '',
  ];
}

const flagText = (name: string, { short, value }: FlagForm): string =>
  `\`${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value.replaceAll('|', '\\|')}`}\``;

const cell = (text: string): string => escaped(text).replaceAll('|', '\\|');

/** What Markdown would take for more than text. */
const escaped = (text: string): string => text.replaceAll(/[<*[\]]/g, (sign) => `\\${sign}`);

const anchor = (name: string): string => `lorary-${name.replaceAll(' ', '-')}`;
