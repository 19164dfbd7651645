/**
 * What Debian's nmap and thc-ipv6's implementation6 say of us: recorded, and compared. A busy machine makes them miss
 * answers, so each may try again; an answer that is another stays another.
 */
import { check, linux, mustLinux } from './lab.ts';

const TRIES = 6;
/** Programs that run at once. */
const AT_ONCE = 12;

/** Port or protocol → state and reason, as nmap prints them. */
type States = Readonly<Record<string, string>>;

const CLOSED_RST = 'closed reset';
const SILENT = 'open|filtered no-response';

const TCP_SCANS: readonly [string, States][] = [
  ['-sS', { '79/tcp': CLOSED_RST, '80/tcp': 'open syn-ack' }],
  ['-sT', { '79/tcp': 'closed conn-refused', '80/tcp': 'open syn-ack' }],
  ['-sA', { '79/tcp': 'unfiltered reset', '80/tcp': 'unfiltered reset' }],
  ['-sN', { '79/tcp': CLOSED_RST, '80/tcp': SILENT }],
  ['-sF', { '79/tcp': CLOSED_RST, '80/tcp': SILENT }],
  ['-sX', { '79/tcp': CLOSED_RST, '80/tcp': SILENT }],
  ['-sM', { '79/tcp': CLOSED_RST, '80/tcp': CLOSED_RST }],
  ['-sW', { '79/tcp': CLOSED_RST, '80/tcp': CLOSED_RST }],
  ['-sS --badsum', { '79/tcp': 'filtered no-response', '80/tcp': 'filtered no-response' }],
  ['-sS --scanflags SYNFIN', { '79/tcp': CLOSED_RST, '80/tcp': 'filtered no-response' }],
];

const UNREACHABLE = 'closed proto-unreach';
const PROBLEM = 'closed param-problem';

interface Scan {
  readonly words: string;
  readonly isV6: boolean;
  readonly states: States;
}

const SCANS: readonly Scan[] = [
  ...[false, true].flatMap((isV6) =>
    TCP_SCANS.map(([words, states]) => ({ words: `${words} -p79,80`, isV6, states })),
  ),
  ...[false, true].map((isV6) => ({
    words: '-sU -p7,8',
    isV6,
    states: { '7/udp': SILENT, '8/udp': 'closed port-unreach' },
  })),
  { words: '-sS -f -p79,80', isV6: false, states: TCP_SCANS[0]![1] },
  { words: '-sS --ip-options L -p79,80', isV6: false, states: TCP_SCANS[8]![1] },
  {
    words: '-sO -p0,2,6,17,41,47,103,132,136,200',
    isV6: false,
    states: {
      0: UNREACHABLE,
      2: SILENT,
      6: 'open proto-response',
      17: 'open port-unreach',
      41: UNREACHABLE,
      47: UNREACHABLE,
      103: UNREACHABLE,
      132: UNREACHABLE,
      136: UNREACHABLE,
      200: UNREACHABLE,
    },
  },
  {
    words: '-sO -p0,6,17,41,43,44,47,50,51,58,59,60,103,132,136,200',
    isV6: true,
    states: {
      0: SILENT,
      6: 'open proto-response',
      17: 'open port-unreach',
      41: PROBLEM,
      43: SILENT,
      44: 'open param-problem',
      47: PROBLEM,
      50: PROBLEM,
      51: PROBLEM,
      58: 'open proto-response',
      59: SILENT,
      60: SILENT,
      103: PROBLEM,
      132: PROBLEM,
      136: PROBLEM,
      200: PROBLEM,
    },
  },
];

/** Whether the host is up, by one kind of question each. */
const DISCOVERY: readonly [string, boolean, RegExp][] = [
  ['-sn', false, /Host is up, received arp-response/],
  ['-sn', true, /Host is up, received nd-response/],
  ['-sn --disable-arp-ping -PE', false, /Host is up, received echo-reply ttl 64/],
  ['-sn --disable-arp-ping -PE', true, /Host is up, received echo-reply ttl 64/],
  ['-sn --disable-arp-ping -PP', false, /Host seems down/],
  ['-sn --disable-arp-ping -PM', false, /Host seems down/],
  ['-sn --disable-arp-ping -PU9', false, /Host is up, received port-unreach ttl 64/],
  ['-sn --disable-arp-ping -PU9', true, /Host is up, received port-unreach ttl 64/],
  ['-sn --disable-arp-ping -PY80', false, /Host is up, received proto-unreach ttl 64/],
  ['-sS -p80 --traceroute', false, /\n1 +\S+ ms 10\.9\.0\.2\n/],
  ['-sS -p80 --traceroute', true, /\n1 +\S+ ms fd09::2\n/],
];

/** nmap's tests of the stack, without what is drawn at random or measured: SP, ISR, TS. */
const FINGERPRINT4 = [
  'SEQ(GCD=1%TI=Z%CI=Z%II=I)',
  'OPS(O1=M5B4ST11NWA%O2=M5B4ST11NWA%O3=M5B4NNT11NWA%O4=M5B4ST11NWA%O5=M5B4ST11NWA%O6=M5B4ST11)',
  'WIN(W1=7C70%W2=7C70%W3=7C70%W4=7C70%W5=7C70%W6=7C70)',
  'ECN(R=Y%DF=Y%T=40%W=7D78%O=M5B4NNSNWA%CC=Y%Q=)',
  'T1(R=Y%DF=Y%T=40%S=O%A=S+%F=AS%RD=0%Q=)',
  'T2(R=N)',
  'T3(R=N)',
  'T4(R=Y%DF=Y%T=40%W=0%S=A%A=Z%F=R%O=%RD=0%Q=)',
  'T5(R=Y%DF=Y%T=40%W=0%S=Z%A=S+%F=AR%O=%RD=0%Q=)',
  'T6(R=Y%DF=Y%T=40%W=0%S=A%A=Z%F=R%O=%RD=0%Q=)',
  'T7(R=Y%DF=Y%T=40%W=0%S=Z%A=S+%F=AR%O=%RD=0%Q=)',
  'U1(R=Y%DF=N%T=40%IPL=164%UN=0%RIPL=G%RID=G%RIPCK=G%RUCK=G%RUD=G)',
  'IE(R=Y%DFI=N%T=40%CD=S)',
].join('\n');

/** Which of its IPv6 probes are answered: as by Linux, neither T2 nor T3. */
const ANSWERED6 = 'S1 S2 S3 S4 S5 S6 IE1 IE2 NS U1 TECN T4 T5 T6 T7';

/** Once more until it is as expected; what it said last when it never was. */
async function tried(
  command: string,
  isExpected: (output: string) => string | null,
): Promise<string | null> {
  let why: string | null = null;
  for (let i = 0; i < TRIES; i++) {
    why = isExpected((await linux(command, 60_000)).output);
    if (why === null) return null;
  }
  return `${command}: ${why}`;
}

/** A few at a time: programs wait more than they work. */
async function several<T>(
  all: readonly T[],
  run: (one: T) => Promise<string | null>,
): Promise<string | null> {
  const failed: string[] = [];
  const left = [...all];
  const worker = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      const why = await run(one);
      if (why !== null) failed.push(why);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return failed.length === 0 ? null : failed.join('\n');
}

const nmap = (words: string, isV6: boolean, to: string): string =>
  `nmap -n --reason ${isV6 ? '-6 ' : ''}${words} ${to}`;

export async function probeByNmap(v4: string, v6: string): Promise<void> {
  const to = (isV6: boolean): string => (isV6 ? v6 : v4);
  await check('nmap finds us up, by every question that we answer', () =>
    several(DISCOVERY, ([words, isV6, says]) =>
      tried(nmap(words, isV6, to(isV6)), (output) => (says.test(output) ? null : output)),
    ),
  );
  await check('nmap’s scans say of each port and protocol what they say of Linux’s', () =>
    several(SCANS, ({ words, isV6, states }) =>
      tried(nmap(words, isV6, to(isV6)), (output) => otherStates(output, states)),
    ),
  );
  const os = '-O --osscan-guess --max-os-tries 1 -sS -sU -pT:79,80,U:8';
  await check('nmap’s OS probes find Linux’s stack, but for its first window', () =>
    tried(nmap(os, false, v4), (output) => {
      const print = fingerprint(output);
      return print === FINGERPRINT4 ? null : print;
    }),
  );
  await check('and over IPv6 those are answered that Linux answers', () =>
    tried(nmap('-O --osscan-guess --max-os-tries 1 -p79,80 -v', true, v6), (output) => {
      const tests = joined(output).matchAll(/([A-Z]+\d?)\(P=/g);
      const answered = [...tests].map(([, name]) => name).join(' ');
      return answered === ANSWERED6 ? null : `${answered}: ${output}`;
    }),
  );
}

function otherStates(output: string, states: States): string | null {
  for (const [port, wanted] of Object.entries(states)) {
    const row = new RegExp(`^${port} +(\\S+) +\\S+ +(\\S+)`, 'm').exec(output);
    const said = row === null ? 'nothing' : `${row[1]} ${row[2]}`;
    if (said !== wanted) return `${port}: ${said}, not ${wanted}\n${output}`;
  }
  return null;
}

const joined = (output: string): string =>
  [...output.matchAll(/^OS:(.*)$/gm)].map(([, part]) => part).join('');

function fingerprint(output: string): string {
  return [...joined(output).matchAll(/([A-Z]+\d?)\(([^)]*)\)/g)]
    .filter(([, name]) => name !== 'SCAN')
    .map(([, name, values]) => {
      const kept = values!.split('%').filter((v) => !/^(SP|ISR|TS)=/.test(v));
      return `${name}(${kept.join('%')})`;
    })
    .join('\n');
}

/** What became of each of its test cases, by number: a reply, silence, or an error's type and code. */
const REPLIES = [1, 5, 7, 8, 11, 12, 18, 22, 24, 25, 27, 39, 41, 56];
const ERRORS: Readonly<Record<string, readonly number[]>> = {
  '4:0': [19, 20, 21, 23, 37, 38, 47, 48],
  '4:1': [3, 4, 14, 15, 26, 32, 35],
  '4:2': [30, 49, 50],
};
const CASES = 57;

function expectedCase(n: number): string {
  if (REPLIES.includes(n)) return 'PASSED - we got a reply';
  const error = Object.entries(ERRORS).find(([, cases]) => cases.includes(n));
  return error === undefined ? 'FAILED - no reply' : `FAILED - error reply [${error[0]}]`;
}

/** Each case has a source of its own, so that they may run beside each other. */
export async function probeByImplementation6(iface: string, to: string): Promise<void> {
  const cases = Array.from({ length: CASES }, (_, i) => i + 1);
  const source = (n: number): string => `fd09::1:${n}`;
  for (const n of cases) await mustLinux(`ip addr add ${source(n)}/64 dev ${iface} nodad`);
  await check('implementation6: each test case ends as with Linux, but for 9 and 10', () =>
    several(cases, (n) =>
      tried(`atk6-implementation6 -p -s ${source(n)} ${iface} ${to} ${n}`, (output) => {
        const wanted = expectedCase(n);
        return new RegExp(`^Test +${n}:`, 'm').test(output) && output.includes(wanted)
          ? null
          : `not "${wanted}": ${output}`;
      }),
    ),
  );
}
