/** An account over pools of one's own, with limits that nothing reaches. */
import type { BlockPool } from '../../src/base/block-pool.ts';
import { WordArrays } from '../../src/base/word-arrays.ts';
import { TcpConfig } from '../../src/tcp/tcp-config.ts';
import { TcpMemory } from '../../src/tcp/tcp-memory.ts';
import { openTcpMib } from '../../src/tcp/tcp-mib.ts';

export const memoryOf = (
  chunks: BlockPool,
  pages: BlockPool,
  config = new TcpConfig(1 << 30),
): TcpMemory =>
  new TcpMemory({ chunks, pages, arrays: new WordArrays() }, config, { nowNs: 0 }, openTcpMib());
