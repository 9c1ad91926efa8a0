import type { ValidationDeps } from '../../shared/upload-validation/validation-deps.ts';

export interface ValidatorDeps extends ValidationDeps {
  /** Bytes of an upload above which a job validates it; absent: none is too large for whoever validates here. */
  readonly jobAboveBytes?: number;
}
