import { setTimeout as delay } from 'node:timers/promises';

/** Asks again until the answer is settled: soon at first, then every two seconds. */
export async function waitUntil<T>(
  ask: () => Promise<T>,
  settled: (answer: T) => boolean,
  wait: (milliseconds: number) => Promise<void> = (milliseconds) => delay(milliseconds),
): Promise<T> {
  for (let pause = 50; ; pause = Math.min(2000, 1.5 * pause)) {
    const answer = await ask();
    if (settled(answer)) return answer;
    await wait(pause);
  }
}
