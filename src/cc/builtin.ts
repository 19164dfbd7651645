import { bbr } from './bbr.ts';
import { bbr3 } from './bbr3.ts';
import { cubic } from './cubic.ts';
import { dctcp } from './dctcp.ts';
import { CcRegistry } from './registry.ts';
import { reno } from './reno.ts';
import { vegas } from './vegas.ts';

/** What every stack starts with; cubic is the default, as on Linux. */
export function builtinModules(): CcRegistry {
  return new CcRegistry(cubic, reno, bbr, bbr3, dctcp, vegas);
}
