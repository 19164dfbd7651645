/** A user's congestion control, from a file, on a stack that the kernel fetches from. */
import { scenario } from './scenario.ts';

scenario('ringway up --cc FILE', 'cc-child.ts', [], 17, ['setpriv']);
