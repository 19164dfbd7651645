/** `docker build` as docs/containers.md has it, with what this machine has configured for its package registries. */
import { existsSync } from 'node:fs';
import { CERTIFICATES } from './base-image.ts';
import type { OwnDocker } from './own-docker.ts';
import { lastLines, mustRun, Programs } from './programs.ts';

const LIMIT_MS = 10 * 60_000;
/** Docker knows them: they are arguments of every build, and stay out of the image. */
const PROXIES = ['http_proxy', 'https_proxy', 'no_proxy'].flatMap((n) => [n, n.toUpperCase()]);

export interface ImageRequest {
  readonly base: string;
  readonly target: string;
  readonly name: string;
}

/** Throws with the end of what Docker said. */
export async function buildImage(
  docker: OwnDocker,
  folder: string,
  { base, target, name }: ImageRequest,
): Promise<void> {
  const args = [`BASE=${base}`, ...(await registryArguments())];
  const { status, output } = await docker.docker(
    [
      ...['build', '--network', 'host', '--force-rm', '--target', target, '--tag', name],
      ...args.flatMap((arg) => ['--build-arg', arg]),
      folder,
    ],
    { limitMs: LIMIT_MS },
  );
  if (status !== 0) throw new Error(lastLines(output));
}

async function registryArguments(): Promise<string[]> {
  const said = await mustRun(new Programs(), ['npm', 'config', 'get', 'registry']);
  const registry = said.split('\n').find((line) => /^https?:/.test(line));
  const found = registry === undefined ? [] : [`NPM_CONFIG_REGISTRY=${registry}`];
  if (existsSync(CERTIFICATES)) found.push(`NODE_EXTRA_CA_CERTS=${CERTIFICATES}`);
  for (const name of PROXIES) if (process.env[name]) found.push(name);
  return found;
}
