/**
 * Who may take the last pages of the pool. Send queues leave a quarter of them, text beyond a gap an eighth; text in
 * order may take what there is. So what is sent, and what cannot be read yet, always leaves room for what can be:
 * readers go on, acknowledgements follow, and the pages of the send queues come back. Without that, a thousand writers
 * could take every page, and nobody would receive what would free them.
 */
import type { BlockPool } from '../base/block-pool.ts';
import type { TcpMemory } from './tcp-memory.ts';

/** Pages that send queues may still take. */
export function sparePages(pages: BlockPool): number {
  return Math.max(0, pages.free - (pages.capacity >> 2));
}

/** Pages that text beyond a gap leaves. */
export function pagesForOrder(pages: BlockPool): number {
  return pages.capacity >> 3;
}

/** Windows do not open any wider now. */
export function isTight({ pages, isPressed }: TcpMemory): boolean {
  return isPressed || pages.free < pagesForOrder(pages);
}
