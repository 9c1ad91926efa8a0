/** What `package-lock.json` says of one package, as far as it is read. */
export interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly link?: boolean;
  /** It came in the archive of another, whose hash covers it. */
  readonly inBundle?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Lock {
  readonly lockfileVersion: number;
  /** By the folder that it is installed in; `''` is this repository. */
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const permissive = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
];

/** Licences of what users install, and of what only whoever works on this repository does: that is passed on to nobody. */
const allowed = { run: new Set(permissive), dev: new Set([...permissive, 'MPL-2.0']) } as const;

/** Packages with scripts that an installation would run; none is run (`.npmrc`), and each does without. */
const withScripts: Readonly<Record<string, string>> = {
  esbuild: 'Its script only checks the program that comes as a package of its own.',
  koffi: 'Its programs come as packages of their own, one for each system; its script would compile one.',
  'onnxruntime-node': 'Its script would fetch a CUDA package from another registry.',
};

/** What is wrong with the packages that are locked: where they come from, what they run, whether they may be used. One line each. */
export function lockFindings(lock: Lock, manifest: Manifest, npmrc: string): string[] {
  const { '': root, ...packages } = lock.packages;
  const found: string[] = [];
  if (lock.lockfileVersion !== 3) found.push(`the lock file is of version ${lock.lockfileVersion}, not 3`);
  if (!/^ignore-scripts=true$/m.test(npmrc)) found.push('.npmrc does not say ignore-scripts=true');
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'] as const)
    if (JSON.stringify(sorted(manifest[kind])) !== JSON.stringify(sorted(root?.[kind])))
      found.push(`${kind} of package.json are not those of the lock file: npm install`);
  for (const [path, one] of Object.entries(packages)) found.push(...packageFindings(path, one));
  for (const name of Object.keys(withScripts))
    if (!Object.entries(packages).some(([path, one]) => nameOf(path) === name && one.hasInstallScript))
      found.push(`${name} has no install script any more: take it from the list`);
  return found;
}

function packageFindings(path: string, one: LockedPackage): string[] {
  const found: string[] = [];
  const say = (what: string): void => void found.push(`${path.replace(/^node_modules\//, '')} ${what}`);
  if (one.link) say('is a folder of this machine');
  if (!one.inBundle && !/^sha512-[A-Za-z0-9+/]{86}==$/.test(one.integrity ?? '')) say('has no SHA-512');
  if (one.resolved !== undefined && !one.resolved.startsWith('https://registry.npmjs.org/'))
    say(`comes from ${one.resolved}`);
  for (const [name, range] of Object.entries({ ...one.dependencies, ...one.optionalDependencies }))
    if (!isRange(range)) say(`wants ${name} from ${range}`);
  if (one.hasInstallScript && !Object.hasOwn(withScripts, nameOf(path)))
    say('wants to run a script when it is installed');
  const licences = one.dev ? allowed.dev : allowed.run;
  if (!mayBeUsed(one.license ?? '', licences)) say(`has the licence ${one.license ?? '(none)'}`);
  return found;
}

/** Of a package in the folder where it is installed. */
export const nameOf = (path: string): string => path.replace(/^.*node_modules\//, '');

/** A version or a range of them, by no address, folder or other name. */
const isRange = (text: string): boolean => /^[\d\s.xX*^~<>=|+A-Za-z-]*$/.test(text) && !/[a-z]{2,}:/.test(text);

/** An SPDX expression: of `OR` one will do, of `AND` all have to. */
function mayBeUsed(expression: string, licences: ReadonlySet<string>): boolean {
  const bare = expression.replaceAll(/^\(|\)$/g, '');
  if (bare.includes(' OR ')) return bare.split(' OR ').some((one) => mayBeUsed(one.trim(), licences));
  return bare.split(' AND ').every((one) => licences.has(one.trim()));
}

const sorted = (given: Readonly<Record<string, string>> = {}): [string, string][] =>
  Object.entries(given).toSorted(([a], [b]) => (a < b ? -1 : 1));
