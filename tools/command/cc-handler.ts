/** What a running stack answers to `ringway cc`. */
import type { ControlSession } from '../../src/live/control-server.ts';
import type { CcFiles } from './cc-files.ts';
import { Failure, failureOf } from './failure.ts';

/** The client's: its folder is not ours, so a file's path is absolute. */
export type CcRequest =
  | { readonly op: 'cc'; readonly action: 'list' }
  | {
      readonly op: 'cc';
      readonly action: 'load';
      readonly file: string;
      readonly isDefault: boolean;
    }
  | {
      readonly op: 'cc';
      readonly action: 'reload';
      readonly module: string;
      readonly isLive: boolean;
    };

export function ccHandler(
  cc: CcFiles,
  request: Readonly<Record<string, unknown>>,
  session: ControlSession,
): void {
  answer(cc, request).then(
    (result) => session.result(result),
    (error: unknown) => {
      const { code, message } = failureOf(error) ?? { code: 'EIO', message: String(error) };
      session.error(code, message);
    },
  );
}

async function answer(cc: CcFiles, request: Readonly<Record<string, unknown>>): Promise<unknown> {
  const { action, file, module } = request;
  if (action === 'list') return cc.views();
  if (action === 'load' && typeof file === 'string' && file.startsWith('/')) {
    return cc.load(file, request.isDefault === true);
  }
  if (action === 'reload' && typeof module === 'string') {
    return cc.reload(module, request.isLive === true);
  }
  throw new Failure('EINVAL', 'cc: makes no sense');
}
