import { probeDevice } from '../runtime/probe-device.ts';

// A process of its own: a library that does not fit the machine ends the process that loads it.
await probeDevice(process.argv[2] === 'cuda' ? 'cuda' : 'cpu');
