/** The ns-3 program, compiled against the library that is installed. */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { aptLine, missingPrograms } from '../../tools/dev/requirements.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const LANGUAGE = ['-std=c++17', '-O2', '-Wall', '-Wextra'];
const LIBRARIES = [
  'applications',
  'point-to-point',
  'internet',
  'traffic-control',
  'network',
  'core',
];

/** What to install before anything can be compared; null: nothing. */
export function missingForNs3(): string | null {
  const programs = missingPrograms(['g++']);
  if (programs.length > 0) return `needs g++ and ns-3: ${aptLine(programs)} libns3-dev`;
  const include = ['-E', '-x', 'c++', '-include', 'ns3/internet-module.h', '/dev/null'];
  if (spawnSync('g++', include, { stdio: 'ignore' }).status === 0) return null;
  return 'needs ns-3: apt-get install --no-install-recommends libns3-dev';
}

/** The compiler says what is wrong; then false. */
export function compileNs3(program: string): boolean {
  const libraries = LIBRARIES.map((name) => `-lns3-${name}`);
  const source = join(HERE, 'dumbbell.cc');
  const compile = [...LANGUAGE, '-o', program, source, ...libraries];
  return spawnSync('g++', compile, { stdio: 'inherit' }).status === 0;
}
