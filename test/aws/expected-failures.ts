/**
 * What an emulator does otherwise than AWS, by the name of the case that shows it. Each must go on failing: one that passes has been mended
 * upstream, and its line goes.
 */
export const expectedFailures: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  moto: {
    'uploads: a part with other bytes than announced is refused and not received': 'checks no checksum',
    'uploads: a link is good for its own part, method, headers and time only': 'checks no signature',
    'uploads: an upload is completed from exactly the parts it received, with every reason why not':
      'tells no checksum of parts',
    'uploads: an upload that is unknown, aborted, finished or of another key is no upload':
      'takes an upload for one of any key',
    'uploads: parts in any order, some sent twice, become one blob, once': 'tells no checksum of parts',
    'uploads: a part beyond those that are named is left out': 'tells no checksum of parts',
    'uploads: a download link gives the content, or a range of it, as an attachment': 'tells no checksum of parts',
    'uploads: a download link is good for its own version, name and time only': 'checks no signature',
  },
  ministack: {
    'stacks: the queues, machines and definitions of jobs are deployed': 'knows no resources of Batch',
    'stacks: the table can be put back in time': 'sets no point-in-time recovery from a template',
    'stacks: the table forgets what has expired': 'sets no time to live from a template',
    'stacks: the bucket forgets what nobody needs': 'sets no lifecycle from a template',
    'front door: the API answers behind it': 'has no distributions with an origin at an address of AWS',
    'jobs: the end of a container is put on the bus by who runs it': 'leaves that to AWS, as AWS does',
  },
  versitygw: {
    'blobs: a key of the longest length is taken, and longer, empty or malformed ones are not':
      'keeps objects as files, so no part of a key is longer than 255 bytes',
    'blobs: a list holds the keys with a prefix, sorted by their UTF-8 bytes':
      'keeps objects as files, so no key is the beginning of a folder',
  },
};

/** Runs what must not succeed, and must fail with these words where they are given. */
export async function mustFail(run: () => Promise<void>, words = /(?:)/): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (words.test(String(error))) return;
    throw error;
  }
  throw new Error('it was expected to fail here and does not any more: take it off the list of expected failures');
}
