/**
 * The base image of the Dockerfile where no image registry can be reached: this machine's distribution, by debootstrap
 * from the mirror that apt is configured with, and the Node that runs this, with its npm and headers.
 *
 *     tsx tools/dev/container/base-image.ts [NAME]      (as root; the default name is ringway-base)
 *     docker build --build-arg BASE=ringway-base --network host -t ringway .
 *
 * The image has this machine's apt sources and certificates, so that builds in it work as they do here: it is for
 * this machine, and not to be given away.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { aptLine, missingPrograms, programPath } from '../requirements.ts';
import { mustRun, Programs } from './programs.ts';

const DEFAULT_NAME = 'ringway-base';
const MINUTE = 60_000;
/** Where Debian and Ubuntu have the certificates that programs trust; the same in the image. */
export const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const PROXIES = ['Acquire::http::Proxy', 'Acquire::https::Proxy'] as const;

/** One line of apt's sources. */
interface Source {
  readonly site: string;
  readonly release: string;
}

/** Makes the image `name` with the docker client that `env` configures. Throws with what went wrong. */
export async function makeBaseImage(
  programs: Programs,
  name: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const missing = missingPrograms(['debootstrap', 'unshare', 'npm']);
  if (missing.length > 0) throw new Error(`needs ${missing.join(', ')}: ${aptLine(missing)}`);
  const root = mkdtempSync(join(tmpdir(), 'ringway-base-'));
  try {
    chmodSync(root, 0o755); // it becomes the image's /
    await bootstrap(programs, root);
    bringNode(root);
    await mustRun(programs, ['chroot', root, 'npm', '--version']);
    const pack = 'tar -C "$0" --numeric-owner -c . | docker import - "$1"';
    await mustRun(programs, ['sh', '-c', pack, root, name], { env, limitMs: 5 * MINUTE });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

// ---- The distribution ----

async function bootstrap(programs: Programs, root: string): Promise<void> {
  const suite = /^VERSION_CODENAME=(\S+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  if (suite === undefined) throw new Error('/etc/os-release has no VERSION_CODENAME');
  const sources = (await configuredSources(programs)).filter((s) => s.release.startsWith(suite));
  const mirror = sources.find((s) => s.release === suite)?.site;
  if (mirror === undefined) throw new Error(`apt has no source of ${suite}: see /etc/apt`);
  const proxies = await configuredProxies(programs);
  const env = { ...process.env, ...proxyVariables(proxies) };
  // What it mounts below the folder is gone with the namespace, however it ends.
  const enter = ['unshare', '--mount', 'debootstrap', '--variant=minbase'];
  await mustRun(programs, [...enter, suite, root, mirror], { env, limitMs: 8 * MINUTE });
  for (const dir of ['var/cache/apt/archives', 'var/lib/apt/lists', 'var/log']) {
    rmSync(join(root, dir), { recursive: true, force: true });
    mkdirSync(join(root, dir));
  }
  const lines = sources.map((s) => `deb ${s.site} ${s.release} main\n`);
  writeFileSync(join(root, 'etc/apt/sources.list'), lines.join(''));
  const settings = proxies.map(([name, url]) => `${name} "${url}";\n`);
  writeFileSync(join(root, 'etc/apt/apt.conf.d/90proxy'), settings.join(''));
  if (existsSync(CERTIFICATES)) {
    mkdirSync(dirname(join(root, CERTIFICATES)), { recursive: true });
    copyFileSync(CERTIFICATES, join(root, CERTIFICATES));
  }
}

/** As apt itself reads its files, old format or new. */
async function configuredSources(programs: Programs): Promise<Source[]> {
  const format = ['--format', '$(SITE) $(RELEASE) $(COMPONENT)', 'Created-By: Packages'];
  const output = await mustRun(programs, ['apt-get', 'indextargets', ...format]);
  const found = new Map<string, Source>();
  for (const line of output.split('\n')) {
    const [site, release, component] = line.split(' ');
    if (component !== 'main') continue;
    found.set(line, { site: site!, release: release! });
  }
  return [...found.values()];
}

async function configuredProxies(programs: Programs): Promise<(readonly [string, string])[]> {
  const found: (readonly [string, string])[] = [];
  for (const name of PROXIES) {
    const output = await mustRun(programs, ['apt-config', 'dump', '--format', '%v%n', name]);
    if (output.trim() !== '') found.push([name, output.trim()]);
  }
  return found;
}

/** For debootstrap, which asks no apt. */
function proxyVariables(proxies: readonly (readonly [string, string])[]): NodeJS.ProcessEnv {
  const entries = proxies.map(([name, url]) => [`${name.split('::')[1]}_proxy`, url] as const);
  return Object.fromEntries(entries);
}

// ---- Node ----

/** Where the official images have it. */
function bringNode(root: string): void {
  const local = join(root, 'usr/local');
  const node = realpathSync(process.execPath);
  copyFileSync(node, join(local, 'bin/node'));
  for (const library of librariesOf(node)) {
    if (existsSync(join(root, library))) continue;
    mkdirSync(dirname(join(root, library)), { recursive: true });
    copyFileSync(realpathSync(library), join(root, library));
  }
  const headers = resolve(dirname(node), '../include/node');
  if (existsSync(headers)) {
    cpSync(headers, join(local, 'include/node'), { recursive: true, dereference: true });
  }
  const npm = dirname(dirname(realpathSync(programPath('npm')!)));
  cpSync(npm, join(local, 'lib/node_modules/npm'), { recursive: true, dereference: true });
  for (const name of ['npm', 'npx']) {
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(local, 'bin', name));
  }
}

/** Full paths of the shared libraries of a program. */
function librariesOf(program: string): string[] {
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' });
  return [...stdout.matchAll(/=> (\/\S+) \(0x/g)].map(([, path]) => path!);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const name = process.argv[2] ?? DEFAULT_NAME;
  try {
    await makeBaseImage(new Programs(), name, process.env);
    console.log(name);
  } catch (error) {
    console.error(`base-image: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
