import { unprotectAlias as operation } from '../../shared/contract/protections.ts';
import { recordValue } from '../../shared/records/stored.ts';
import { handler } from '../http/handler.ts';
import { changeAdapter } from './change-adapter.ts';

/** What is not protected stays so. */
export const unprotectAlias = handler(operation, async ({ world }, caller, { params }) => {
  const { alias } = params;
  await changeAdapter<unknown>(world, caller, params.adapter, async ({ value }) => {
    const { [alias]: before, ...protections } = value.protections ?? {};
    if (!before) return { unchanged: undefined };
    return {
      change: {
        action: 'alias.unprotect',
        resource: `adapters/${value.name}/aliases/${alias}`,
        detail: recordValue({ from: before, to: null }),
      },
      after: { ...value, protections },
      writes: [],
      result: () => undefined,
    };
  });
  return undefined;
});
