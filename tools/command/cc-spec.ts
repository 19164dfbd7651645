/** `--cc` and `--cc-watch`, for whatever opens a stack; and what is said of modules while it runs. */
import { basename, extname, resolve } from 'node:path';
import type { OptionSpec, Options } from './options.ts';
import { MODULE_EXTENSIONS } from './sources.ts';

/** When a file changes: new connections have the new module, open ones too, or nothing happens. */
const WATCHES = ['new', 'live', 'off'] as const;
export type CcWatch = (typeof WATCHES)[number];

export const CC_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'cc',
    value: 'FILE|NAME',
    isRepeatable: true,
    help: "congestion control: a module's file, or a name; the first is the default (repeatable)",
  },
  {
    name: 'cc-watch',
    value: 'new|live|off',
    help: 'a changed FILE is for new connections (default), for open ones too, or not loaded',
  },
];

export interface CcSpec {
  readonly words: readonly string[];
  readonly watch: CcWatch;
}

export const NO_CC: CcSpec = { words: [], watch: 'new' };

export function ccSpecOf(options: Options): CcSpec {
  const watch = options.choice('cc-watch', WATCHES) ?? NO_CC.watch;
  return { words: options.list('cc'), watch };
}

/** A path has a slash in it, or ends as modules do; else it is a name. */
export function isCcFile(word: string): boolean {
  return basename(word) !== word || MODULE_EXTENSIONS.includes(extname(word));
}

/** What `--cc` says to who looks for files in another folder; null: nothing. */
export function ccWordOf(options: Options): string | null {
  const word = options.text('cc');
  if (word === undefined) return null;
  return isCcFile(word) ? resolve(word) : word;
}

/** Hears what happens to users' modules. */
export interface CcReporter {
  /** `changed` open connections have it as well; null: nobody asked for that. */
  loaded(name: string, path: string, version: number, changed: number | null): void;
  /** The file has changed and is no module: the version before stays. */
  refused(name: string, version: number, why: string): void;
  /** The first mistake of a version. */
  failed(name: string, what: string): void;
}

/** A line on stderr, or an object on stdout. */
export function ccReporter(program: string, isJson: boolean): CcReporter {
  const say = (event: object, text: string): void => {
    if (isJson) console.log(JSON.stringify(event));
    else console.error(`${program}: ${text.split('\n').join(' ')}`);
  };
  return {
    loaded: (module, path, version, changed) => {
      const live = changed === null ? '' : `; open ones that have changed to it: ${changed}`;
      say(
        { event: 'cc', module, file: path, version, ...(changed === null ? {} : { changed }) },
        `${module}: version ${version} of ${basename(path)}, for new connections${live}`,
      );
    },
    refused: (module, version, why) =>
      say(
        { event: 'cc-refused', module, version, message: why },
        `${module}: version ${version} stays: ${why}`,
      ),
    failed: (module, what) =>
      say(
        { event: 'cc-failed', module, message: what },
        `${module} failed (${what}): its connection goes on with reno; more mistakes are counted, see ringway cc`,
      ),
  };
}
