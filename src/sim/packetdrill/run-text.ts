/** A script's text to its verdict: parsed, run against a stack of its own, and nothing left behind. */
import { SEC } from '../../base/time.ts';
import type { OptionSetting } from './options.ts';
import { parseScript } from './parser.ts';
import { RingwaySystem } from './ringway-system.ts';
import { type RunFailure, runScript } from './runner.ts';
import { type Script, ScriptError } from './script.ts';

export interface Verdict {
  readonly status: 'pass' | 'fail' | 'unsupported';
  /** 0 when it has none. */
  readonly line: number;
  /** What is wrong, or why it cannot be run; empty for a pass. */
  readonly message: string;
  readonly expected: string | null;
  readonly actual: string | null;
  readonly warnings: readonly RunFailure[];
  readonly printed: readonly string[];
  /** Of virtual time. */
  readonly seconds: number;
}

/** The convention of scripts that show how a run fails: `// Failure: what is said` in front of the line. */
const MUST_FAIL = /^[ \t]*\/\/ Failure: /m;

export function runText(
  file: string,
  text: string,
  settings: readonly OptionSetting[] = [],
): Verdict {
  let script: Script;
  try {
    script = parseScript(file, text, settings);
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    return verdict('fail', error.at.line, withoutPlace(error));
  }
  const found = runOne(script);
  if (!MUST_FAIL.test(text) || found.status === 'unsupported') return found;
  if (found.status === 'pass') return verdict('fail', 0, 'it must fail, and it passes');
  return { ...verdict('pass', 0, ''), seconds: found.seconds };
}

function runOne(script: Script): Verdict {
  const sut = new RingwaySystem(script.options);
  const startNs = sut.nowNs;
  try {
    const { result, warnings, printed } = runScript(script, sut);
    const seconds = (sut.nowNs - startNs) / SEC;
    sut.close();
    const rest = { warnings, printed, seconds };
    if (result.status === 'pass') return { ...verdict('pass', 0, ''), ...rest };
    if (result.status === 'unsupported') {
      return { ...verdict('unsupported', result.line, result.reason), ...rest };
    }
    return { ...result, ...rest, message: withoutFile(script.file, result) };
  } catch (error) {
    // Our own fault, not the script's: the others still run.
    return verdict('fail', 0, `the stack is broken: ${placeOf(error as Error)}`);
  }
}

function verdict(status: Verdict['status'], line: number, message: string): Verdict {
  return {
    ...{ status, line, message, expected: null, actual: null },
    ...{ warnings: [], printed: [], seconds: 0 },
  };
}

/** What was thrown, and the innermost calls. */
function placeOf(error: Error): string {
  const calls = (error.stack ?? '').split('\n').filter((line) => /^ +at /.test(line));
  const names = calls.slice(0, 4).map((line) => /^ +at (\S+)/.exec(line)![1]);
  return `${error.name}: ${error.message} (${names.join(' < ')})`;
}

/** A mistake in the script says where it is; so does the verdict. */
const withoutFile = (file: string, { line, message }: RunFailure): string => {
  const place = `${file}:${line}: `;
  return message.startsWith(place) ? message.slice(place.length) : message;
};

const withoutPlace = ({ message }: ScriptError): string => message.replace(/^.*?:\d+: /, '');
