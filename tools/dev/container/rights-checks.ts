/**
 * What the image does with more and with less than it asks for: each row is a `docker run` of docs/containers.md. What
 * is said where something is missing is in that document too, word for word.
 */
import { readFileSync } from 'node:fs';
import type { OwnDocker } from './own-docker.ts';
import { expectText, type Tally } from './tally.ts';

const BULK = 64 << 20;
const LIMIT_MS = 120_000;
const DOCUMENT = 'docs/containers.md';
const NETWORK = 'ringway-rights';
const SUBNET = '10.79.0';
const ADMIN = ['--cap-add', 'NET_ADMIN'];
const TUN = ['--device', '/dev/net/tun'];
const ALL = [...ADMIN, '--cap-add', 'NET_RAW', ...TUN];
const ALONE = ['--network', 'none'];
const UP_TAP = 'ringway up --tap ring0 --address 10.9.0.2/24'.split(' ');
const UP_PACKET = `ringway up --packet eth0 --address ${SUBNET}.9/24`.split(' ');
/** Docker has IPv6 off where the network has none. */
const IPV6 = ['all', 'default'].flatMap((of) => ['--sysctl', `net.ipv6.conf.${of}.disable_ipv6=0`]);
const WRITABLE = ['--tmpfs', '/opt/ringway/.ringway'];
const TOUR = `node dist/tools/start.js --here --world tap --demo --bulk=${BULK}`.split(' ');
/** Docker's bridge answers; the stack is up when its control socket is there. */
const PING = `${UP_PACKET.join(' ')} & for i in 1 2 3 4 5 6 7 8 9 10; do
  sleep 1; ringway ping -c 2 ${SUBNET}.254 && exit; done; exit 1`;

interface Row {
  readonly title: string;
  /** Of `docker run`. */
  readonly options: readonly string[];
  readonly command: readonly string[];
  readonly status: number;
  readonly says: readonly RegExp[];
  /** Part of what it says, as the document has it. */
  readonly quoted?: string;
}

const ROWS: readonly Row[] = [
  {
    title: 'with both capabilities and the device: the tour on a TAP device inside',
    options: [...ALONE, ...IPV6, ...ALL],
    command: TOUR,
    status: 0,
    says: [/on a TAP device, in this network namespace/, /^18 passed, 0 failed$/m],
  },
  {
    title: '…and where the network has no IPv6, without it',
    options: [...ALONE, ...ALL],
    command: TOUR,
    status: 0,
    says: [/^10 passed, 0 failed$/m],
  },
  {
    title: '…and doctor says that all is well',
    options: [...ALONE, ...ALL],
    command: ['ringway', 'doctor'],
    status: 0,
    says: [
      /^ok +container +Docker$/m,
      /^ok +CAP_NET_ADMIN +held$/m,
      /^ok +CAP_NET_RAW +held$/m,
      /^ok +\/dev\/net\/tun +opens$/m,
      /^ok +AF_PACKET/m,
      /^The best for this user: a TAP device\.$/m,
    ],
  },
  {
    title: "with Docker's own capabilities, read-only: AF_PACKET on eth0",
    options: ['--network', NETWORK, '--read-only', ...WRITABLE],
    command: ['sh', '-c', PING],
    status: 0,
    says: [/2 packets transmitted, 2 received/],
  },
  {
    title: '…and doctor says what a TAP device lacks',
    options: ALONE,
    command: ['ringway', 'doctor'],
    status: 0,
    says: [
      /^no +CAP_NET_ADMIN +not held -> start the container with --cap-add NET_ADMIN$/m,
      /^no +\/dev\/net\/tun +is missing \(ENOENT\) -> start the container with --device \/dev\/net\/tun$/m,
      /^no +namespaces .* -> a container forbids it as a rule; use its own interface$/m,
      /^The best for this user: AF_PACKET on an interface\.$/m,
    ],
  },
  {
    title: 'read-only without a place for the control socket: it says so',
    options: ['--network', NETWORK, '--read-only'],
    command: UP_PACKET,
    status: 3,
    says: [],
    quoted: 'no control socket: ./.ringway cannot be made here (EROFS)',
  },
  {
    title: 'without NET_RAW: no AF_PACKET, and it says so',
    options: ['--network', NETWORK, '--cap-drop', 'NET_RAW'],
    command: UP_PACKET,
    status: 3,
    says: [],
    quoted: 'raw frames need CAP_NET_RAW; run as root (a container: with --cap-add NET_RAW)',
  },
  {
    title: 'without the device: no TAP, and it says so',
    options: [...ALONE, ...ADMIN],
    command: UP_TAP,
    status: 3,
    says: [],
    quoted:
      '/dev/net/tun is not there; modprobe tun, or start the container with --device /dev/net/tun',
  },
  {
    title: 'without NET_ADMIN: no TAP, and it says so',
    options: [...ALONE, ...TUN],
    command: UP_TAP,
    status: 3,
    says: [],
    quoted: 'a TAP device needs CAP_NET_ADMIN in this network namespace',
  },
  {
    title: 'as another user than root: capabilities are not effective, and it says so',
    options: ['--network', NETWORK, '--user', '1000', ...ALL],
    command: UP_PACKET,
    status: 3,
    says: [/raw frames need CAP_NET_RAW/],
  },
  {
    title: 'without anything: doctor has memory and virtual time left',
    options: [...ALONE, '--cap-drop', 'ALL'],
    command: ['ringway', 'doctor'],
    status: 1,
    says: [/^Nothing but a wire in memory would work for this user\.$/m],
  },
  {
    title: '…and an experiment in virtual time, with its report',
    options: [...ALONE, '--cap-drop', 'ALL'],
    command: ['sh', '-c', 'ringway sim examples/two-flows.yaml --out run && ringway report run'],
    status: 0,
    says: [/^run\/report\.html$/m],
  },
  {
    title: '…and the tour takes memory, and says why',
    options: [...ALONE, '--cap-drop', 'ALL'],
    command: ['node', 'dist/tools/start.js', '--demo', `--bulk=${1 << 20}`],
    status: 0,
    says: [/on a wire in memory/, /^\d+ passed, 0 failed$/m],
    quoted:
      'not tap: no network namespace (unshare: unshare failed: Operation not permitted); it needs CAP_SYS_ADMIN',
  },
];

export async function checkRights(tally: Tally, docker: OwnDocker): Promise<void> {
  const text = readFileSync(DOCUMENT, 'utf8');
  const network = ['--internal', '--subnet', `${SUBNET}.0/24`, '--gateway', `${SUBNET}.254`];
  await docker.docker(['network', 'create', ...network, NETWORK]);
  for (const row of ROWS) {
    await tally.check(row.title, async () => {
      const args = ['run', '--rm', '--init', ...row.options, 'ringway', ...row.command];
      const { status, output } = await docker.docker(args, { limitMs: LIMIT_MS });
      expectText(output, ...row.says);
      if (status !== row.status) throw new Error(`status ${status}:\n${output}`);
      if (row.quoted === undefined) return;
      if (!output.includes(row.quoted)) throw new Error(`not "${row.quoted}" but:\n${output}`);
      if (!text.includes(row.quoted)) throw new Error(`${DOCUMENT} has not: ${row.quoted}`);
    });
  }
}
