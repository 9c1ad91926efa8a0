/** Stages of `gpu-job/Dockerfile` that are shipped. */
export const images = ['cpu', 'gpu'] as const;
export type Image = (typeof images)[number];
