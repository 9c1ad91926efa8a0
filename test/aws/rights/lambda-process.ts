/**
 * A deployed function: `lambda-process.ts <name>` is told events over the channel to its parent and answers what `functions/<name>/lambda.ts`
 * does. `LORARY_TEST_HUB` is where Hugging Face is for it.
 */
const [name = ''] = process.argv.slice(2);
const hub = process.env['LORARY_TEST_HUB'] ?? '';
const there = fetch;
globalThis.fetch = async (input, init) => {
  const url = input instanceof Request ? input.url : String(input);
  return there(url.startsWith('https://huggingface.co') ? url.replace('https://huggingface.co', hub) : input, init);
};
const { handler } = (await import(`../../../functions/${name}/lambda.ts`)) as {
  handler: (event: unknown, context: object) => Promise<unknown>;
};
process.on('disconnect', () => process.exit());
process.on('message', ({ id, event }: { readonly id: number; readonly event: unknown }) => {
  handler(event, {}).then(
    (answer) => process.send?.({ id, answer }),
    (error: unknown) => process.send?.({ id, failure: error instanceof Error ? error.stack : String(error) }),
  );
});
process.send?.('ready');
