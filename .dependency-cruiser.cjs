/**
 * Who may import whom. Each room lists what it may reach; everything else is an error, with the reason beside the rule.
 * `test/house/arrows.test.ts` plants a bad import for every rule and expects it to be reported.
 */

/** A rule that lets files under `from` import only what matches one of `to` (and themselves). */
const only = (name, comment, from, to, options = {}) => ({
  name,
  severity: 'error',
  comment,
  from: { path: from, pathNot: ['\\.test\\.ts$', ...(options.except ?? [])] },
  to: { pathNot: [from, ...to], ...(options.core ? { dependencyTypesNot: ['core'] } : {}) },
});

const errors = '^shared/(errors|limits|release)\\.ts$';
/** Values from outside held against a schema. */
const checkValue = '^shared/check-value\\.ts$';
const modules = (...names) => names.map((name) => `(^|/)node_modules/${name}/|^${name}($|/)`);

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'A cycle has no first file to read.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolved',
      severity: 'error',
      comment: 'An import that does not resolve is not checked by any other rule.',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-product-to-test',
      severity: 'error',
      comment: 'The product does not need its tests to run.',
      from: { path: '^(shared|gpu-job|cli|functions)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(test|bench|examples)/|\\.test\\.ts$' },
    },
    only(
      'foundation-imports-nothing',
      'Errors and limits stand below everything, so they stand on nothing.',
      errors,
      [],
    ),
    only(
      'formats-are-pure',
      'Formats take a byte reader and do no I/O, so they run in a browser, a Lambda and a job alike.',
      '^shared/formats/',
      [errors, ...modules('zod')],
    ),
    only(
      'methods-are-pure',
      'A method is its schema and its names; it is read by the API, the console and the trainer.',
      '^shared/methods/',
      [errors, checkValue, ...modules('zod')],
    ),
    only('contract-runs-in-a-browser', 'The contract is what clients are made from.', '^shared/contract/', [
      errors,
      checkValue,
      '^shared/methods/',
      ...modules('zod', '@hono/zod-openapi'),
    ]),
    only('domain-is-pure', 'Rules do no I/O, read no clock and draw no randomness.', '^shared/domain/', [
      errors,
      '^shared/(contract|methods|formats)/',
      ...modules('zod'),
    ]),
    only(
      'files-are-byte-sources',
      'The one way from a path to a byte source; jobs, servers and the command line read files alike.',
      '^shared/files/',
      [errors, '^shared/formats/', ...modules('csv-parse', 'hyparquet', 'hyparquet-compressors')],
      { core: true },
    ),
    only(
      'hub-stands-alone',
      'A model hub is spoken to in one place, by jobs and the command line alike.',
      '^shared/hub/',
      [errors, ...modules('@huggingface/hub')],
      { core: true },
    ),
    only(
      'validation-reads-through-sources',
      'A validator is the same in a Lambda, a job and the command line, so it is given its bytes and its hash.',
      '^shared/validation/',
      [errors, '^shared/(contract|domain|methods|formats)/', ...modules('zod')],
    ),
    only(
      'text-knows-formats',
      'Text needs the tokenizer and template libraries and a worker for templates, nothing of the platform but its thread starter.',
      '^shared/text/',
      [
        errors,
        checkValue,
        '^shared/formats/',
        '^shared/platform/start-thread\\.mjs$',
        ...modules('@huggingface/tokenizers', '@huggingface/jinja', 'zod'),
        '^(node:)?worker_threads$',
      ],
    ),
    only(
      'signing-is-checked-anywhere',
      'What was signed is checked where no server is, by the code that wrote it; no key is in its reach.',
      '^shared/signing/',
      [errors, '^shared/(platform/ports\\.ts$|contract/|formats/)', ...modules('zod'), '^(node:)?crypto$'],
    ),
    only(
      'records-know-one-table',
      'Stores are written once over the port, so they hold in both worlds.',
      '^shared/records/',
      [
        errors,
        '^shared/(platform/ports\\.ts$|domain/|contract/|formats/|signing/)',
        ...modules('zod'),
        '^(node:)?(crypto|zlib)$',
      ],
    ),
    only(
      'infra-knows-names-only',
      'Stacks name files and variables; a stack that imported what it deploys would run it where it is synthesised.',
      '^infra/',
      [
        errors,
        '^shared/aws/(environment|table-schema)\\.ts$',
        ...modules('aws-cdk-lib', 'constructs', 'cdk-nag', 'zod'),
      ],
      // what is typed to deploy speaks to the account as the CDK's command does
      { core: true, except: ['^infra/empty-console\\.ts$'] },
    ),
    only(
      'uploads-are-validated-once-written',
      'A function and a job validate what was sent by the same code, over the ports.',
      '^shared/upload-validation/',
      [errors, '^shared/(platform/ports\\.ts$|contract/|domain/|files/|formats/|records/|text/|validation/)'],
    ),
    {
      name: 'one-cloud-kit',
      severity: 'error',
      comment: 'What runs does not know how it is deployed, so it runs where nothing of that is installed.',
      from: { path: '^(shared|functions|gpu-job|cli)/' },
      to: { path: ['^infra/', ...modules('aws-cdk-lib', 'constructs', 'cdk-nag')] },
    },
    {
      name: 'telemetry-at-the-edge',
      severity: 'error',
      comment:
        'Logger and metrics of one cloud are put in where a function is put together; what it does knows only that it can tell.',
      from: { path: '^(shared|functions|gpu-job|cli)/', pathNot: '^functions/[^/]+/lambda\\.ts$' },
      to: { path: modules('@aws-lambda-powertools') },
    },
    {
      name: 'functions-know-no-engine',
      severity: 'error',
      comment: 'A function starts jobs; it never computes what they compute.',
      from: { path: '^functions/' },
      to: { path: '^(gpu-job|cli|console|infra)/' },
    },
    {
      name: 'functions-know-no-world',
      severity: 'error',
      comment: 'Only where a function is put together is its world chosen.',
      from: { path: '^functions/', pathNot: '/lambda\\.ts$|^functions/dev-server(/|\\.ts$)|\\.test\\.ts$' },
      to: { path: '^shared/(aws|local)/' },
    },
    {
      name: 'functions-stand-apart',
      severity: 'error',
      comment: 'Each function is deployed with its own permissions; what two need stands in shared or in http.',
      from: { path: '^functions/([^/]+)/', pathNot: '^functions/(http|dev-server)/|/lambda\\.ts$|\\.test\\.ts$' },
      to: { path: '^functions/', pathNot: '^functions/($1|http)/' },
    },
    only(
      'ports-stand-on-nothing',
      'The platform is written against the ports, so they know no world; only what starts programs and threads needs a loader.',
      '^shared/platform/',
      [errors],
      { except: ['^shared/platform/(start-thread|compile-program|compiler|program-folder)\\.mjs$'] },
    ),
    only(
      'local-world-knows-the-ports',
      'A world implements the ports out of SQLite, files and processes; it knows neither the rules of the platform nor another world.',
      '^shared/local/',
      [errors, '^shared/platform/', ...modules('libsql', 'hono')],
      { core: true },
    ),
    only(
      'aws-world-knows-the-ports',
      'A world implements the ports out of the SDK; it knows neither the rules of the platform nor another world.',
      '^shared/aws/',
      [errors, '^shared/platform/', ...modules('@aws-sdk', 'zod')],
      { core: true },
    ),
    {
      name: 'one-sdk',
      severity: 'error',
      comment: 'AWS is spoken to through the ports; whoever else knew the SDK would run on one world only.',
      from: { path: '^(shared|functions|gpu-job)/', pathNot: '^shared/aws/|\\.test\\.ts$' },
      to: { path: modules('@aws-sdk') },
    },
    {
      name: 'job-knows-no-world',
      severity: 'error',
      comment: 'A job runs on plain folders; only its entry point may choose a world.',
      from: { path: '^gpu-job/', pathNot: '^gpu-job/main\\.ts$' },
      to: { path: '^shared/(aws|local)/|^(functions|cli|console|infra)/' },
    },
    only(
      'graph-stands-alone',
      'The graph is the lowest layer of the engine; what it unpacks is described where files are.',
      '^gpu-job/graph/',
      [
        errors,
        '^shared/formats/(packing|nf4)\\.ts$',
        '^shared/methods/compute\\.ts$',
        ...modules('@bufbuild/protobuf'),
      ],
    ),
    only(
      'autodiff-knows-the-graph',
      'Gradients are written in primitives; only the checker runs them.',
      '^gpu-job/autodiff/',
      [errors, '^gpu-job/graph/'],
      {
        except: ['check-gradients\\.ts$'],
      },
    ),
    only('layers-know-the-graph', 'Layers are written in primitives.', '^gpu-job/nn/', [errors, '^gpu-job/graph/']),
    only('models-know-no-method', 'A model never knows how it is tuned.', '^gpu-job/models/', [
      errors,
      '^shared/formats/packing\\.ts$',
      '^gpu-job/(nn|graph)/',
    ]),
    {
      name: 'one-runtime',
      severity: 'error',
      comment: 'One file talks to the runtime, so exchanging it is one change.',
      from: { path: '^(shared|gpu-job|cli)/', pathNot: '^gpu-job/runtime/' },
      to: { path: modules('onnxruntime-node') },
    },
    {
      name: 'shared-knows-no-one',
      severity: 'error',
      comment: 'What everyone shares depends on no one who shares it.',
      from: { path: '^shared/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(gpu-job|functions|cli|console|infra)/' },
    },
    {
      name: 'cli-is-thin',
      severity: 'error',
      comment: 'A command builds a spec and hands it to the job; it does not reach into the engine.',
      from: { path: '^cli/', pathNot: '\\.test\\.ts$' },
      to: { path: '^gpu-job/', pathNot: '^gpu-job/main\\.ts$' },
    },
    {
      name: 'cli-knows-no-server',
      severity: 'error',
      comment:
        'A command speaks to the server by the contract; only the one that starts a server holds one, and those that copy its data, or make teams in it, open that.',
      from: { path: '^cli/', pathNot: '\\.test\\.ts$|^cli/commands/(up|backup|restore|teams)\\.ts$' },
      to: { path: '^(functions|console|infra)/|^shared/(records|local|aws)/' },
    },
    only(
      'crash-check-knows-no-product',
      'Whoever checks a store must not believe what the product believes of it.',
      '^test/crash/check/',
      modules('libsql'),
      { core: true },
    ),
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(\\.cache|\\.lorary)/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
