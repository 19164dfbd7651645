/** The compose file: the tour against the Linux machine beside the stack, and Linux's programs from there. */
import { join } from 'node:path';
import type { OwnDocker } from './own-docker.ts';
import { lastLines, mustRun, type Programs } from './programs.ts';
import { expectText, type Tally } from './tally.ts';

const MINUTE = 60_000;
const BULK = 64 << 20;
const STEPS = 18;
/** As the compose file has them. */
const OURS = { v4: '10.78.0.2', v6: 'fd78::2' };
const THEIRS = '10.78.0.1';
const PAGE_BYTES = 10_000_000;

/** `docker-compose` 1.29, and the plugin where it is installed. */
async function clients(docker: OwnDocker): Promise<string[][]> {
  const plugin = await docker.docker(['compose', 'version']);
  return [['docker-compose'], ...(plugin.status === 0 ? [['docker', 'compose']] : [])];
}

export async function checkCompose(
  tally: Tally,
  programs: Programs,
  docker: OwnDocker,
  folder: string,
): Promise<void> {
  for (const client of await clients(docker)) {
    const project = new Project(programs, docker, client, folder);
    const name = client.join(' ');
    try {
      await tally.check(`${name} run ringway --demo: the tour, by AF_PACKET on eth0`, () =>
        tour(project),
      );
      await checkFromPeer(tally, project, name);
    } finally {
      await project.down();
    }
  }
}

class Project {
  readonly docker: OwnDocker;
  private readonly programs: Programs;
  private readonly command: readonly string[];

  constructor(programs: Programs, docker: OwnDocker, client: readonly string[], folder: string) {
    this.programs = programs;
    this.docker = docker;
    const file = ['--project-directory', folder, '-f', join(folder, 'docker-compose.yml')];
    this.command = [...client, '-p', 'ringway-test', ...file];
  }

  /** What it said; throws when it fails. */
  run(...args: readonly string[]): Promise<string> {
    const options = { env: this.docker.env, limitMs: 3 * MINUTE };
    return mustRun(this.programs, [...this.command, ...args], options);
  }

  inPeer(script: string): Promise<string> {
    return this.run('exec', '-T', 'peer', 'sh', '-c', script);
  }

  /** Stopped or not, and without an opinion: what is left is found later. */
  async down(): Promise<void> {
    const command = [...this.command, 'down', '--volumes', '--timeout', '2'];
    await this.programs.runAlways(command, { env: this.docker.env });
  }
}

async function tour(project: Project): Promise<void> {
  const said = await project.run('run', '--rm', '-T', 'ringway', '--demo', `--bulk=${BULK}`);
  expectText(said, /on AF_PACKET over eth0/, new RegExp(`^${STEPS} passed, 0 failed$`, 'm'));
  console.log(lastLines(said.replace(/^(?!passed).*$/gm, '').replace(/\n+/g, '\n')));
}

async function checkFromPeer(tally: Tally, project: Project, name: string): Promise<void> {
  const isUp = await tally.check(`${name} up: the stack serves a page`, async () => {
    await project.run('up', '-d', '--no-build');
    // Over IPv6 too: until its own address is known to be unique (RFC 4862 §5.4) the stack announces nothing, and
    // the peer still sends to the link-layer address that the tour had. A SYN is sent again; an echo request is not.
    for (const host of [OURS.v4, `[${OURS.v6}]`]) {
      const retry = '--retry 30 --retry-delay 1 --retry-all-errors';
      expectText(await project.inPeer(`curl -sS ${retry} 'http://${host}/'`), /<h1>Ringway/);
    }
  });
  if (!isUp) return;
  for (const [program, script, patterns] of FROM_PEER) {
    await tally.check(`the Linux machine: ${program}`, async () => {
      expectText(await project.inPeer(script), ...patterns);
    });
  }
  await tally.check('the stack has a MAC address of its own', () => ownMac(project));
  await tally.check('ringway ping and ss in the container', async () => {
    const ping = ['exec', '-T', 'ringway', 'ringway', 'ping', '-c', '2', THEIRS];
    expectText(await project.run(...ping), /2 packets transmitted, 2 received/);
    expectText(await project.run('exec', '-T', 'ringway', 'ringway', 'ss', '-tln'), /:80\b/);
  });
  await tally.check('no privileges but the two capabilities', () => fewRights(project));
  await tally.check('SIGTERM ends the stack with 0', async () => {
    await project.run('stop', '--timeout', '20');
    expectText(await inspect(project, '{{.State.ExitCode}}'), /^0$/m);
  });
}

const PATTERN_SUM = `curl -sS 'http://[${OURS.v6}]/bytes/${PAGE_BYTES}' | wc -c`;
/** Program, what is typed, what it says. */
const FROM_PEER: readonly (readonly [string, string, readonly RegExp[]])[] = [
  ['ping', `ping -n -c 3 -i 0.2 ${OURS.v4}`, [/3 received, 0% packet loss/]],
  ['ping -6', `ping -n -c 3 -i 0.2 ${OURS.v6}`, [/3 received, 0% packet loss/]],
  [
    'ping with 65,507 bytes',
    `ping -n -c 2 -i 0.2 -s 65507 ${OURS.v4}`,
    [/2 received, 0% packet loss/],
  ],
  ['curl over IPv6', PATTERN_SUM, [new RegExp(`^${PAGE_BYTES}$`, 'm')]],
];

const containerId = async (project: Project): Promise<string> =>
  (await project.run('ps', '-q', 'ringway')).trim().split('\n').at(-1)!;

async function inspect(project: Project, format: string): Promise<string> {
  const args = ['inspect', '--format', format, await containerId(project)];
  return (await project.docker.docker(args)).output;
}

/** What the peer sees at our address is not the interface of the container's kernel. */
async function ownMac(project: Project): Promise<void> {
  const kernel = await inspect(
    project,
    '{{range .NetworkSettings.Networks}}{{.MacAddress}}{{end}}',
  );
  const neighbour = await project.inPeer(`ip neighbour show ${OURS.v4}`);
  expectText(neighbour, /lladdr ([0-9a-f]{2}:){5}/);
  if (kernel.trim() === '' || neighbour.includes(kernel.trim())) {
    throw new Error(`the kernel has ${kernel.trim()}; the peer sees ${neighbour.trim()}`);
  }
}

async function fewRights(project: Project): Promise<void> {
  const format = '{{.HostConfig.Privileged}} {{.HostConfig.CapAdd}}';
  expectText(await inspect(project, format), /^false \[(CAP_)?NET_ADMIN (CAP_)?NET_RAW\]$/m);
}
