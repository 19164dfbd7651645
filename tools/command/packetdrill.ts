/** `ringway packetdrill`: scripts against the production stack, in this process and in virtual time. */
import type { OptionSetting, Quote } from '../../src/sim/packetdrill/options.ts';
import { settingError } from '../../src/sim/packetdrill/options.ts';
import { runText } from '../../src/sim/packetdrill/run-text.ts';
import type { Command } from './command.ts';
import { EXIT, usageError } from './failure.ts';
import type { OptionSpec, Options } from './options.ts';
import { findScripts, readScript } from './packetdrill-files.ts';
import { runInWorkers } from './packetdrill-jobs.ts';
import { isFailed, type ScriptReport, summaryOf, textOf } from './packetdrill-report.ts';

/** Options of the original that have a value, and what they are for. */
const VALUES: readonly (readonly [string, string, string])[] = [
  ['ip_version', 'V', 'ipv4 (default), ipv6 or ipv4-mapped-ipv6'],
  ['local_ip', 'ADDRESS', 'of the stack'],
  ['remote_ip', 'ADDRESS', 'of the peer'],
  ['gateway_ip', 'ADDRESS', 'of the router between them'],
  ['netmask_ip', 'MASK', 'of the stack’s network (IPv4)'],
  ['bind_port', 'PORT', 'where the stack listens (8080)'],
  ['connect_port', 'PORT', 'where the peer listens (8080)'],
  ['mtu', 'BYTES', 'of the link (1500)'],
  ['mss', 'BYTES', 'cut injected segments into pieces'],
  ['tolerance_usecs', 'US', 'how far off a time may be (4000)'],
  ['tolerance_percent', 'N', 'or, of the time since the event before (12.5)'],
  ['tcp_ts_tick_usecs', 'US', 'check TS values: the length of a tick'],
  ['non_fatal', 'KINDS', 'packet, syscall: mismatches that only warn'],
  ['init_scripts', 'FILES', 'accepted: there is nothing to prepare'],
  ['speed', 'N', 'accepted: virtual time has no speed'],
  ['code_command', 'COMMAND', 'accepted: code is evaluated inside'],
  ['code_format', 'FORMAT', 'accepted'],
];
const SWITCHES: readonly (readonly [string, string])[] = [
  ['strict_segments', 'one packet for each line'],
  ['tcp_ts_ecr_scaled', 'echoed TS values may be of packets not seen'],
  ['dry_run', 'parse only'],
];

export const PACKETDRILL_OPTIONS: readonly OptionSpec[] = [
  ...VALUES.map(([name, value, help]) => ({ name, value, help })),
  {
    name: 'define',
    short: 'D',
    value: 'NAME=VALUE',
    isRepeatable: true,
    help: 'a word of scripts',
  },
  ...SWITCHES.map(([name, help]) => ({ name, help })),
  { name: 'jobs', value: 'N', help: 'processes that share the scripts (1)' },
  { name: 'verbose', short: 'v', help: 'what scripts print, warnings, both sides of a mismatch' },
];

export const packetdrillCommand: Command = {
  name: 'packetdrill',
  usage: '[OPTIONS] PATH…',
  options: PACKETDRILL_OPTIONS,
  details: `
PATH is a script, or a folder: all *.pkt in it, but *v4.pkt only with IPv4 and *v6.pkt only with IPv6.
One line a script, then how many passed, failed and are unsupported. Exit code 1 when one failed.
A script with a comment "// Failure: …" must fail. No root, no network, no waiting. See docs/packetdrill.md.`,
  run: packetdrill,
};

async function packetdrill(options: Options): Promise<number> {
  const settings = settingsOf(options);
  const jobs = options.integer('jobs', 1, 64) ?? 1;
  if (options.words.length === 0) throw usageError('which scripts? a file or a folder');
  const wantsV6 = options.text('ip_version') === 'ipv6';
  const files = findScripts(options.words, wantsV6);
  const isJson = options.has('json');
  const isVerbose = options.has('verbose');
  const reports: ScriptReport[] = [];
  const take = (report: ScriptReport): void => {
    reports.push(report);
    if (!isJson) console.log(textOf(report, isVerbose));
  };
  if (jobs > 1 && files.length > 1) await runInWorkers(files, jobs, forwarded(options), take);
  else for (const file of files) take({ file, ...runText(file, readScript(file), settings) });
  const summary = summaryOf(reports);
  if (isJson) console.log(JSON.stringify({ results: reports, ...summary }));
  else {
    const { passed, failed, unsupported } = summary;
    console.log(`${passed} passed, ${failed} failed, ${unsupported} unsupported`);
  }
  return reports.some(isFailed) ? EXIT.NO : EXIT.OK;
}

/** The options that say how a script runs. Throws a usage error for a value that makes no sense. */
function settingsOf(options: Options): OptionSetting[] {
  const settings: OptionSetting[] = [];
  for (const [name] of VALUES) {
    const value = options.text(name);
    if (value !== undefined) settings.push({ name, value, quote: 'none' });
  }
  for (const [name] of SWITCHES) {
    if (options.has(name)) settings.push({ name, value: null, quote: 'none' });
  }
  for (const text of options.list('define')) settings.push(defined(text));
  for (const setting of settings) {
    const wrong = settingError(setting);
    if (wrong !== null) throw usageError(wrong);
  }
  return settings;
}

/** `X=word`, `X="text"` or X=`command`, as in a script: the quotes have survived the shell. */
function defined(text: string): OptionSetting {
  const match = /^([^=]*=)(["`])([\s\S]*)\2$/.exec(text);
  if (match === null) return { name: 'define', value: text, quote: 'none' };
  const quote: Quote = match[2] === '"' ? 'string' : 'command';
  return { name: 'define', value: match[1]! + match[3]!, quote };
}

/** The same options for a worker. */
function forwarded(options: Options): string[] {
  const args: string[] = [];
  for (const [name] of VALUES) {
    const value = options.text(name);
    if (value !== undefined) args.push(`--${name}=${value}`);
  }
  for (const [name] of SWITCHES) if (options.has(name)) args.push(`--${name}`);
  for (const text of options.list('define')) args.push('-D', text);
  return args;
}
