/**
 * Loads the native addon and refuses one that was built for another descriptor layout.
 * Only `live/` may import this: the core and the simulator run without any native code.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LAYOUT_VERSION } from '../link/ring-layout.ts';

/** What every ring in C++ offers. `rxBatch` and `txFlush` are the two hot calls: ints in, ints out. */
export interface NativeRing {
  /** For the poller; -1 once closed. */
  readonly fd: number;
  rxBatch(budget: number): number;
  txFlush(): number;
  /** Asks the kernel whether the link is up, and writes CTRL.LINK. 0 or -errno. */
  refreshLink(): number;
  close(): void;
}

export interface NativeAddon {
  readonly layoutVersion: number;
  /** The folded one's-complement sum of 16-bit big-endian words of buffer bytes. */
  /** Zeroes, from the start of a huge page. */
  allocateSlab(bytes: number): ArrayBuffer;
  sumBytes(buffer: ArrayBuffer, off: number, len: number): number;
}

export class AddonError extends Error {
  override readonly name = 'AddonError';
  readonly code: 'ERR_ADDON_NOT_BUILT' | 'ERR_ADDON_LAYOUT' | 'ERR_ADDON_LOAD';

  constructor(code: AddonError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Set to load another build of the same sources: the one with sanitizers. */
const OVERRIDE = 'RINGWAY_ADDON';

/** The addon, typed by what the caller uses of it. Node caches the module; each thread has its own instance. */
export function loadAddon<T = NativeAddon>(): T & NativeAddon {
  const path = process.env[OVERRIDE] ?? findBuilt();
  const addon = requireAddon(path) as T & NativeAddon;
  if (addon.layoutVersion !== LAYOUT_VERSION) {
    throw new AddonError(
      'ERR_ADDON_LAYOUT',
      `the addon has ring layout ${addon.layoutVersion}, this code has ${LAYOUT_VERSION}; run \`npm run build:native\``,
    );
  }
  return addon;
}

function requireAddon(path: string): unknown {
  try {
    return createRequire(import.meta.url)(path);
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new AddonError(
      'ERR_ADDON_LOAD',
      `${path} does not load (${why}); run \`npm run build:native\``,
    );
  }
}

/** From a checkout (src/live) or from compiled code (dist/src/live): the nearest build upwards. */
function findBuilt(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (true) {
    const candidate = join(folder, 'build', 'Release', 'ringway.node');
    if (existsSync(candidate)) return candidate;
    const parent = dirname(folder);
    if (parent === folder) break;
    folder = parent;
  }
  throw new AddonError(
    'ERR_ADDON_NOT_BUILT',
    'the native addon is not built; run `npm ci` or `npm run build:native` (needs g++, make and python3)',
  );
}
