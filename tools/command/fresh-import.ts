/**
 * Loads a file as if it had never been loaded, and with it the files of its own that it imports.
 *
 * Node keeps a module under its URL for as long as the process lives (decision 0019). So every load has a number in its URL, and a hook of
 * Node's loader gives the same number to what is imported from there: all but packages and Ringway itself, of which there
 * is one. What was loaded before stays: about 20 KB for each time (`test/tools/cc-files.test.ts`; with LONG=1 ten thousand times).
 */
import { register } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { MessageChannel } from 'node:worker_threads';

const MARK = 'ringway-load';

/** In the loader's own thread, which has no TypeScript: text. */
const HOOK = `
let port, own;
export function initialize(data) {
  ({ port, own } = data);
}
export async function resolve(specifier, context, next) {
  const result = await next(specifier, context);
  const mark = /[?&]${MARK}=(\\d+)/.exec(context.parentURL ?? '');
  const { url } = result;
  if (mark === null || !url.startsWith('file:') || url.includes('/node_modules/')) return result;
  if (own.some((folder) => url.startsWith(folder))) return result;
  port.postMessage({ load: Number(mark[1]), url });
  return { ...result, url: url + (url.includes('?') ? '&' : '?') + '${MARK}=' + mark[1] };
}`;

interface Import {
  readonly load: number;
  readonly url: string;
}

class FreshImports {
  private readonly listeners = new Map<number, (path: string) => void>();
  private loads = 0;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    port1.on('message', ({ load, url }: Import) => this.listeners.get(load)?.(fileURLToPath(url)));
    port1.unref(); // `on` has made it a reason to stay
    register(`data:text/javascript,${encodeURIComponent(HOOK)}`, {
      data: { port: port2, own: ownFolders() },
      transferList: [port2],
    });
  }

  urlOf(path: string, onImport: (path: string) => void): string {
    const url = pathToFileURL(path);
    url.searchParams.set(MARK, String(++this.loads));
    this.listeners.set(this.loads, onImport);
    return url.href;
  }
}

/** One for a process: the hook is there once, and so are the numbers. Made when the first user's file is loaded. */
let fresh: FreshImports | null = null;

/** A URL that loads the file anew; `onImport` hears of each file that it imports, also later, and also when that fails. */
export function freshUrl(path: string, onImport: (path: string) => void): string {
  fresh ??= new FreshImports();
  return fresh.urlOf(path, onImport);
}

/** Of the source, beside which the compiled code may stand. */
function ownFolders(): readonly string[] {
  const folders = [new URL('../../src/', import.meta.url).href];
  if (import.meta.url.endsWith('.js')) folders.push(new URL('../../../src/', import.meta.url).href);
  return folders;
}
