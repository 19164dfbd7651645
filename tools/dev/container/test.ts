/**
 * `npm run test:container`: builds the image as docs/containers.md says, and tries it: the tour against a Linux machine in
 * another container, Linux's programs against the stack, a TAP device inside, and what happens where something is
 * missing. All with a Docker daemon of our own (own-docker.ts), and nothing is left afterwards.
 *
 * CI=true or REQUIRE_ALL=1: installs the programs that are missing; a machine that cannot is then a failure.
 */
import { readdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPrograms } from '../apt.ts';
import { aptLine, missingPrograms } from '../requirements.ts';
import { makeBaseImage } from './base-image.ts';
import { buildImage } from './build-image.ts';
import { checkCompose } from './compose-checks.ts';
import { OwnDocker } from './own-docker.ts';
import { Programs } from './programs.ts';
import { checkRights } from './rights-checks.ts';
import { Tally } from './tally.ts';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const NEEDS = ['debootstrap', 'docker', 'docker-compose', 'dockerd', 'setpriv', 'unshare'];
const BASE = 'ringway-base';
const isRequired = process.env.REQUIRE_ALL === '1' || process.env.CI === 'true';

/** Why nothing can be tried here, or ''. */
function whyNot(): string {
  if (process.platform !== 'linux') return 'not Linux';
  if (process.getuid?.() !== 0) return 'a Docker daemon of our own needs root';
  const missing = missingPrograms(NEEDS);
  if (missing.length === 0) return '';
  if (!isRequired) return `needs ${missing.join(', ')}: ${aptLine(missing)}`;
  return installPrograms(missing) ?? '';
}

async function checkAll(tally: Tally, programs: Programs, docker: OwnDocker): Promise<void> {
  const began = await tally.check('a Docker daemon of our own starts', () => docker.start('host'));
  if (!began) return;
  const isBuilt =
    (await tally.check('debootstrap and this Node make a base image', () =>
      makeBaseImage(programs, BASE, docker.env),
    )) &&
    (await tally.check('the image builds', () =>
      buildImage(docker, ROOT, { base: BASE, target: 'ringway', name: 'ringway' }),
    )) &&
    (await tally.check('its peer builds', () =>
      buildImage(docker, ROOT, { base: BASE, target: 'peer', name: 'ringway-peer' }),
    ));
  if (!isBuilt) return;
  const isApart = await tally.check(
    'the daemon starts again, in a network of its own',
    async () => {
      await docker.stop();
      await docker.start('own');
    },
  );
  if (!isApart) return;
  await checkCompose(tally, programs, docker, ROOT);
  await checkRights(tally, docker);
}

/** Devices, which everybody on the machine sees. */
const devices = (): string => readdirSync('/sys/class/net').join(' ');

async function main(): Promise<void> {
  const tally = new Tally();
  const why = whyNot();
  if (why !== '') {
    tally.skip('the container', why);
    if (isRequired) tally.failed++;
  } else {
    const before = devices();
    const programs = new Programs();
    const docker = new OwnDocker(programs);
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(name, () => programs.stop());
    }
    try {
      await checkAll(tally, programs, docker);
    } finally {
      await tally.check('nothing is left', async () => {
        const left = await docker.remove();
        if (devices() !== before) left.push(`devices: ${before}; now ${devices()}`);
        if (left.length > 0) throw new Error(left.join('\n'));
      });
    }
  }
  process.exitCode = tally.failed === 0 ? 0 : 1;
  console.log(`\n${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`);
}

await main();
