import { validate, ValidationSeverity } from 'dockerfile-utils';
import { lastStep, readStages, type Stage } from './dockerfile.ts';

/** What is wrong with a Dockerfile whose stages `images` are shipped: by the language's linter, and by what our images promise. */
export function lintDockerfile(text: string, images: readonly string[]): string[] {
  const stages = readStages(text);
  const language = validate(text, {
    deprecatedMaintainer: ValidationSeverity.ERROR,
    emptyContinuationLine: ValidationSeverity.ERROR,
    instructionCasing: ValidationSeverity.ERROR,
    instructionCmdMultiple: ValidationSeverity.ERROR,
    instructionEntrypointMultiple: ValidationSeverity.ERROR,
    instructionHealthcheckMultiple: ValidationSeverity.ERROR,
    instructionJSONInSingleQuotes: ValidationSeverity.ERROR,
    instructionWorkdirRelative: ValidationSeverity.ERROR,
  }).map(
    ({ message, range }) => `line ${range.start.line + 1}: ${typeof message === 'string' ? message : message.value}`,
  );
  return [
    ...language,
    ...stages.flatMap((stage) => baseFindings(stage, stages)),
    ...stages.flatMap(stepFindings),
    ...images.flatMap((image) => imageFindings(image, stages)),
  ];
}

function baseFindings({ name, base }: Stage, stages: readonly Stage[]): string[] {
  if (stages.some((other) => other.name === base)) return [];
  const isNamed = /@sha256:[0-9a-f]{64}$|:[\w.-]*\d[\w.-]*$/.test(base);
  return isNamed ? [] : [`${name}: its base "${base}" names neither a version nor a digest`];
}

function stepFindings({ name, steps }: Stage): string[] {
  return steps.flatMap(({ keyword, text, args, line }) => [
    ...(keyword === 'ADD' ? [`line ${line}: ADD unpacks and downloads: use COPY`] : []),
    ...(keyword === 'COPY' && args[0] === '.' ? [`line ${line}: copies whatever there is: name it`] : []),
    ...(keyword === 'RUN' && /\bnpm (i|install)\b/.test(text)
      ? [`line ${line}: npm install ignores the lock: npm ci`]
      : []),
    ...(keyword === 'RUN' && /\bnpm ci\b/.test(text) && !/--omit=dev/.test(text)
      ? [`line ${line}: takes what only development needs: --omit=dev`]
      : []),
    ...(keyword === 'RUN' && /\bnpm ci\b/.test(text) && !/--ignore-scripts/.test(text)
      ? [`line ${line}: runs scripts of packages: --ignore-scripts`]
      : []),
    ...(keyword === 'RUN' && /\bpip\b/.test(text) && !/--require-hashes/.test(text)
      ? [`line ${line}: takes what the registry gives: --require-hashes`]
      : []),
    ...(/(SECRET|TOKEN|PASSWORD|ACCESS_KEY)\w*=/i.test(text)
      ? [`${name}, line ${line}: a secret would stay in the image`]
      : []),
  ]);
}

function imageFindings(image: string, stages: readonly Stage[]): string[] {
  const user = lastStep(stages, image, 'USER')?.text ?? 'root';
  const entrypoint = lastStep(stages, image, 'ENTRYPOINT')?.text ?? '';
  const runs = stages.find(({ name }) => name === image)?.steps.filter(({ keyword }) => keyword === 'RUN') ?? [];
  return [
    ...(stages.some(({ name }) => name === image) ? [] : [`${image}: there is no such stage`]),
    ...(/^[1-9]\d*:[1-9]\d*$/.test(user)
      ? []
      : [`${image}: runs as "${user}": give the number of a user who is not root`]),
    ...(entrypoint.startsWith('[') ? [] : [`${image}: its entrypoint is run by a shell, which passes no signal on`]),
    ...(lastStep(stages, image, 'STOPSIGNAL')?.text === 'SIGTERM' ? [] : [`${image}: is not stopped by SIGTERM`]),
    ...(lastStep(stages, image, 'HEALTHCHECK')?.text === 'NONE' ? [] : [`${image}: may have its base's health check`]),
    ...runs.map(({ line }) => `line ${line}: ${image} is shipped: run commands in a stage before it`),
  ];
}
