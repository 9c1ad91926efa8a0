import type { ForgettingReport } from '../../shared/contract/reports.ts';

/** A section of a model card: what an adapter has learnt and forgotten at each scale. */
export function forgettingCard({ scales, bestScale, taskRows, generalRows, generalText }: ForgettingReport): string[] {
  const loss = (value: number | null): string => value?.toFixed(4) ?? 'no number';
  const text = generalText === 'built-in' ? 'general texts' : `rows of ${generalText.replaceAll('|', '\\|')}`;
  return [
    '## Learnt and forgotten',
    '',
    `Losses in nats per token on ${taskRows} held-out rows and ${generalRows} ${text}, with the update multiplied by the scale. Gain less forgotten is largest at ${bestScale}.`,
    '',
    '| scale | task | gain | general | forgotten |',
    '| --- | --- | --- | --- | --- |',
    ...scales.map(
      ({ scale, taskLoss, gain, generalLoss, forgotten }) =>
        `| ${scale} | ${loss(taskLoss)} | ${loss(gain)} | ${loss(generalLoss)} | ${loss(forgotten)} |`,
    ),
    '',
  ];
}
