import type { Handler } from '../http/handler.ts';
import { createBase } from './create-base.ts';
import { createComposition } from './create-composition.ts';
import { createDataset } from './create-dataset.ts';
import { deleteBase } from './delete-base.ts';
import { deleteComposition } from './delete-composition.ts';
import { deleteDataset } from './delete-dataset.ts';
import { eraseDataset } from './erase-dataset.ts';
import { getErasure } from './get-erasure.ts';
import { getBaseManifest } from './get-base-manifest.ts';
import { getBase } from './get-base.ts';
import { getComposition } from './get-composition.ts';
import { getDatasetFile } from './get-dataset-file.ts';
import { getDataset } from './get-dataset.ts';
import { listBaseFiles } from './list-base-files.ts';
import { listBaseTensors } from './list-base-tensors.ts';
import { listBases } from './list-bases.ts';
import { listCompositions } from './list-compositions.ts';
import { listDatasets } from './list-datasets.ts';
import { previewDataset } from './preview-dataset.ts';
import { restoreBase } from './restore-base.ts';
import { restoreDataset } from './restore-dataset.ts';

/** What this function answers. */
export const catalogHandlers: readonly Handler[] = [
  createBase,
  listBases,
  getBase,
  getBaseManifest,
  listBaseTensors,
  listBaseFiles,
  deleteBase,
  restoreBase,
  createDataset,
  listDatasets,
  getDataset,
  previewDataset,
  getDatasetFile,
  deleteDataset,
  restoreDataset,
  eraseDataset,
  getErasure,
  createComposition,
  listCompositions,
  getComposition,
  deleteComposition,
];
