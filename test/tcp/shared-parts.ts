/** What all idle connections of a stack share must stay as it was made: a peer that changed it would change them all. */
import { IdleParts } from '../../src/tcp/parts.ts';
import type { Tcp } from '../../src/tcp/tcp.ts';

/** Names of the fields that are not as in new ones. */
export function changedParts(tcp: Tcp): string[] {
  const changed: string[] = [];
  compare(tcp.idle, new IdleParts(tcp.env, tcp.memory, tcp.records), '', changed);
  return changed;
}

function compare(is: object, should: object, path: string, changed: string[]): void {
  for (const [name, value] of Object.entries(should)) {
    const at = `${path}.${name}`;
    if (name === 'totals') continue; // a clock
    const found = Reflect.get(is, name);
    if (Object.is(found, value)) continue;
    if (typeof value === 'object' && typeof found === 'object' && value !== null && found !== null)
      compare(found, value, at, changed);
    else changed.push(at);
  }
}
