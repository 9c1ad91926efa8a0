import type { ExportReport } from '../../shared/contract/reports.ts';
import type { ExportFormat, ExportSpec } from '../../shared/contract/specs/export.ts';
import { exportFlattened } from '../export/export-flattened.ts';
import { exportLoraGguf } from '../export/export-lora-gguf.ts';
import { exportMergedGguf } from '../export/export-merged-gguf.ts';
import { exportPeft } from '../export/export-peft.ts';
import type { JobContext } from './job-context.ts';

/**
 * Exports an adapter, or a model with or without one, into a folder that appears complete or not at all. Throws `DomainError` with all
 * findings, before anything is written where they can be known then; `UnavailableError` when it was asked to stop.
 */
export function runExport(spec: ExportSpec, context: JobContext): Promise<ExportReport> {
  return formats[spec.format](spec, context);
}

type Export = (spec: ExportSpec, context: JobContext) => Promise<ExportReport>;

const formats: Readonly<Record<ExportFormat, Export>> = {
  peft: exportPeft,
  flattened: exportFlattened,
  gguf: exportLoraGguf,
  'merged-gguf': exportMergedGguf,
};
