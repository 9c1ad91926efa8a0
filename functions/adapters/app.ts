import type { Handler } from '../http/handler.ts';
import { createAdapter } from './create-adapter.ts';
import { getAdapter } from './get-adapter.ts';
import { listAdapters } from './list-adapters.ts';

/** What this function answers. */
export const adapterHandlers: readonly Handler[] = [createAdapter, listAdapters, getAdapter];
