/**
 * `npm run test:image`: the images of `gpu-job/Dockerfile` without a container engine. Each stage's `COPY` and `RUN` are done in a root folder
 * of its own, into which the system stands in for the base; then both images are looked at and run as their user, with nothing else of the
 * repository in sight. Downloads about 250 MB. Takes root. The last line is `N passed, N failed`.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createReport } from '../support/checks-report.ts';
import { buildStages } from './build-stages.ts';
import { checkContainerLoads, checkDoctor, checkFiles, checkTraining, checkUser } from './checks.ts';
import { readStages } from './dockerfile.ts';
import { images } from './images.ts';
import { whyNotHere } from './why-not-here.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const report = createReport();
const reason = await whyNotHere();
if (reason !== undefined) report.skip(['the images'], reason);
else {
  const stages = readStages(await readFile(join(repository, 'gpu-job', 'Dockerfile'), 'utf8'));
  const folder = join(repository, '.cache', 'image');
  const built = await report.check('every stage does what it says', async () => {
    const value = await buildStages(stages, repository, folder);
    return { figures: `${stages.length} stages; not done here: ${value.notRun.join('; ')}`, value };
  });
  for (const name of built ? images : []) {
    const image = { stages, name, root: built?.roots.get(name) ?? '' };
    await report.check(`${name}: has what the job needs and nothing else`, async () => checkFiles(image, repository));
    await report.check(`${name}: runs as somebody who is not root`, () => checkUser(image));
    await report.check(`${name}: the platform's side loads`, () => checkContainerLoads(image));
    const device = name === 'gpu' ? 'cuda' : 'cpu';
    const bad = name === 'gpu' ? ['GPU', 'CUDA libraries', 'driver library', 'product on cuda'] : [];
    await report.check(`${name}: the doctor says what is so`, () => checkDoctor(image, { device, bad }));
    await report.check(`${name}: trains, ends when asked and goes on`, () => checkTraining(image, repository));
  }
  // two gigabytes; their mounts ended with the commands
  await rm(folder, { recursive: true, force: true });
}
report.end();
