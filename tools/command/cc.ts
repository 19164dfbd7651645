/** `ringway cc`: the congestion control of a running stack, and the files that modules of it come from. */
import { relative, resolve } from 'node:path';
import { controlCall } from '../../src/live/control-client.ts';
import type { CcView } from './cc-files.ts';
import type { CcRequest } from './cc-handler.ts';
import type { Command } from './command.ts';
import { EXIT, usageError } from './failure.ts';
import type { Options } from './options.ts';
import { NAME_OPTION } from './show.ts';

export const ccCommand: Command = {
  name: 'cc',
  usage: '[list] | load FILE [--default] | reload MODULE [--live]',
  options: [
    { name: 'default', help: 'load: new connections get it' },
    { name: 'live', help: 'reload: the connections that are open change to it as well' },
    NAME_OPTION,
  ],
  details: `
The modules that the stack knows, the default marked with a star, how many connections have each; of a module that
came from a file: the file, how often it was loaded, and what went wrong in it. With -j: a list of them; of load, the module; of reload,
its version and how many connections changed.`,
  run: cc,
};

async function cc(options: Options): Promise<number> {
  const [verb = 'list', what, ...more] = options.words;
  if (more.length > 0) throw usageError(`what is "${more[0]}"? see --help`);
  if (options.has('default') && verb !== 'load') throw usageError('--default goes with load');
  if (options.has('live') && verb !== 'reload') throw usageError('--live goes with reload');
  switch (verb) {
    case 'list': {
      if (what !== undefined) throw usageError(`what is "${what}"? see --help`);
      const views = (await ask(options, { op: 'cc', action: 'list' })) as readonly CcView[];
      if (options.has('json')) console.log(JSON.stringify(views));
      else for (const view of views) console.log(viewText(view));
      return EXIT.OK;
    }
    case 'load': {
      if (what === undefined) throw usageError('load: which file?');
      const isDefault = options.has('default');
      const file = resolve(what);
      const view = (await ask(options, { op: 'cc', action: 'load', file, isDefault })) as CcView;
      console.log(options.has('json') ? JSON.stringify(view) : viewText(view));
      return EXIT.OK;
    }
    case 'reload': {
      if (what === undefined) throw usageError('reload: which module? see ringway cc');
      const isLive = options.has('live');
      const request: CcRequest = { op: 'cc', action: 'reload', module: what, isLive };
      const { changed, version } = (await ask(options, request)) as {
        changed: number;
        version: number;
      };
      if (options.has('json')) console.log(JSON.stringify({ version, changed }));
      else
        console.log(
          `${what}: version ${version}${isLive ? `; connections that have changed to it: ${changed}` : ''}`,
        );
      return EXIT.OK;
    }
    default:
      throw usageError(`what is "${verb}"? list, load or reload`);
  }
}

async function ask(options: Options, request: CcRequest): Promise<unknown> {
  return (await controlCall(options.text('name'), request)).result;
}

function viewText(view: CcView): string {
  const { file, version, faults = 0, firstFault, error } = view;
  const of = file === undefined ? '' : `  ${relative('', file)}, version ${version}`;
  const mistakes =
    faults === 0 ? '' : `; ${faults} mistakes${firstFault === undefined ? '' : ` (${firstFault})`}`;
  const stale = error === undefined ? '' : `; not loaded as it is now: ${error}`;
  const name = `${view.isDefault ? '*' : ' '} ${view.name.padEnd(15)} ${view.connections}`;
  return `${name}${of}${mistakes}${stale}`.split('\n').join(' ');
}
