/**
 * `npm run judge:packetdrill -- DIR [--ip_version=ipv4|ipv6|ipv4-mapped-ipv6|all] [--tier A,B1] [--tiers FILE]
 * [--jobs N] [--json]`: google/packetdrill's scripts, from the folder `gtests/net` of a checkout that is no part
 * of this project, each with its tier. Prints the pass rate of each tier and version, and the scripts that fail.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { failureOf, report, usageError } from '../command/failure.ts';
import { type OptionSpec, type Options, parseOptions } from '../command/options.ts';
import { isFailed, type ScriptReport, textOf } from '../command/packetdrill-report.ts';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const TIERS_FILE = join(ROOT, '../shared/judges/packetdrill-tiers.json');
/** Not applicable: another system's behaviour, or hardware that is not here. */
const NOT_APPLICABLE = 'C';

const OPTIONS: readonly OptionSpec[] = [
  { name: 'ip_version', value: 'V', help: 'one of the three, or all (default)' },
  { name: 'tier', value: 'A,B1', help: 'only these (default: all but C)' },
  { name: 'tiers', value: 'FILE', help: 'a JSON object, script → tier' },
  { name: 'jobs', value: 'N', help: 'processes (default: as many as processors)' },
  { name: 'verbose', short: 'v', help: 'both sides of each mismatch on lines of their own' },
  { name: 'json', short: 'j', help: 'one JSON object' },
];

/** As the suites are run, in each version. */
const IPV4 = [
  ...['--local_ip=192.168.0.1', '--gateway_ip=192.168.0.1', '--netmask_ip=255.255.0.0'],
  ...['--remote_ip=192.0.2.1', '-D', 'TFO_COOKIE=3021b9d889017eeb', '-D', 'CODE=host_unreachable'],
];
const CMSG = (level: string, type: string): readonly string[] => [
  ...['-D', `CMSG_LEVEL_IP=${level}`, '-D', `CMSG_TYPE_RECVERR=${type}`],
];
const VERSIONS: Readonly<Record<string, readonly string[]>> = {
  ipv4: ['--ip_version=ipv4', ...IPV4, ...CMSG('SOL_IP', 'IP_RECVERR')],
  ipv6: [
    ...['--ip_version=ipv6', '--mtu=1520', '--local_ip=fd3d:0a0b:17d6::1'],
    ...['--gateway_ip=fd3d:0a0b:17d6:8888::1', '--remote_ip=fd3d:fa7b:d17d::1'],
    ...['-D', 'TFO_COOKIE=c1d1e9742a47a9bc', ...CMSG('SOL_IPV6', 'IPV6_RECVERR')],
  ],
  'ipv4-mapped-ipv6': [
    ...['--ip_version=ipv4-mapped-ipv6', ...IPV4, ...CMSG('SOL_IPV6', 'IPV6_RECVERR')],
  ],
};

interface Judged extends ScriptReport {
  readonly version: string;
  readonly tier: string;
  /** Below the folder. */
  readonly script: string;
}

function main(argv: readonly string[]): number {
  const options = parseOptions(OPTIONS, argv);
  options.atMost(1);
  const folder = options.words[0];
  if (folder === undefined || !existsSync(folder)) throw usageError('which folder? gtests/net');
  const tiers = tiersOf(options);
  const wanted = options.text('tier')?.split(',');
  const scripts = [...tiers].filter(([, tier]) =>
    wanted === undefined ? tier !== NOT_APPLICABLE : wanted.includes(tier),
  );
  const judged: Judged[] = [];
  for (const version of versionsOf(options)) {
    const jobs = options.integer('jobs', 1, 64) ?? cpus().length;
    judged.push(...judge(folder, version, new Map(scripts), jobs));
  }
  const table = tableOf(judged);
  if (options.has('json')) {
    console.log(JSON.stringify({ rates: table, results: judged }));
  } else {
    for (const result of judged) {
      if (result.status === 'pass') continue;
      const { version, tier, script } = result;
      console.log(
        `${version} ${tier} ${textOf({ ...result, file: script }, options.has('verbose'))}`,
      );
    }
    print(table);
  }
  return judged.some(isFailed) ? 1 : 0;
}

function tiersOf(options: Options): Map<string, string> {
  const file = options.text('tiers') ?? TIERS_FILE;
  if (!existsSync(file)) throw usageError(`no file ${file}; see --tiers`);
  const json = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  return new Map(Object.entries(json).filter(([script]) => script.endsWith('.pkt')));
}

function versionsOf(options: Options): readonly string[] {
  const all = Object.keys(VERSIONS);
  const version = options.choice('ip_version', ['all', ...all]) ?? 'all';
  return version === 'all' ? all : [version];
}

function judge(
  folder: string,
  version: string,
  tiers: ReadonlyMap<string, string>,
  jobs: number,
): Judged[] {
  const other = version === 'ipv6' ? 'v4.pkt' : 'v6.pkt';
  const scripts = [...tiers.keys()].filter((script) => !script.endsWith(other));
  if (scripts.length === 0) return [];
  const missing = scripts.find((script) => !existsSync(join(folder, script)));
  if (missing !== undefined) throw usageError(`${folder} has no ${missing}`);
  const files = scripts.map((script) => join(folder, script));
  const command = ['packetdrill', '--json', '--jobs', `${jobs}`, ...VERSIONS[version]!, ...files];
  const child = spawnSync(process.execPath, [join(ROOT, 'bin/ringway.js'), ...command], {
    encoding: 'utf8',
    maxBuffer: 256 << 20,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { results } = JSON.parse(child.stdout) as { results: readonly ScriptReport[] };
  return results.map((result, i) => {
    const script = scripts[i]!;
    return { ...result, version, script, tier: tiers.get(script)! };
  });
}

interface Rate {
  readonly version: string;
  readonly tier: string;
  readonly passed: number;
  readonly failed: number;
  readonly unsupported: number;
}

const isFastOpen = ({ script }: Judged): boolean => /fast-?open/.test(script);

/** Each tier, and B1 once more without fast open, which is a subject of its own. */
function tableOf(judged: readonly Judged[]): Rate[] {
  const tiers = [...new Set(judged.map(({ tier }) => tier))].sort();
  const rates: Rate[] = [];
  for (const tier of tiers) {
    for (const version of Object.keys(VERSIONS)) {
      const of = judged.filter((result) => result.tier === tier && result.version === version);
      rates.push(rateOf(version, tier, of));
      if (tier !== 'B1') continue;
      rates.push(
        rateOf(
          version,
          'B1 -fastopen',
          of.filter((result) => !isFastOpen(result)),
        ),
      );
    }
  }
  return rates.filter(({ passed, failed, unsupported }) => passed + failed + unsupported > 0);
}

function rateOf(version: string, tier: string, of: readonly Judged[]): Rate {
  const count = (wanted: string) => of.filter(({ status }) => status === wanted).length;
  return {
    ...{ version, tier, passed: count('pass'), failed: count('fail') },
    unsupported: count('unsupported'),
  };
}

function print(rates: readonly Rate[]): void {
  console.log(`${'tier'.padEnd(14)}${'version'.padEnd(18)}passed  of      %  unsupported`);
  const ordered = [...rates].sort((a, b) => (a.tier < b.tier ? -1 : a.tier > b.tier ? 1 : 0));
  for (const { tier, version, passed, failed, unsupported } of ordered) {
    const of = passed + failed + unsupported;
    const percent = ((100 * passed) / of).toFixed(1);
    const numbers = `${`${passed}`.padStart(6)}${`${of}`.padStart(4)}${percent.padStart(7)}`;
    console.log(
      `${tier.padEnd(14)}${version.padEnd(18)}${numbers}${`${unsupported}`.padStart(13)}`,
    );
  }
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  const failure = failureOf(error);
  if (failure === null) throw error;
  process.exitCode = report(failure, 'judge:packetdrill', false);
}
