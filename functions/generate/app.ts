import type { Handler } from '../http/handler.ts';
import { generateText } from './generate-text.ts';

/** What this function answers. */
export const generateHandlers: readonly Handler[] = [generateText];
