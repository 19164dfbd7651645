/**
 * The parts of a connection that wait for its first text: those that only a sender needs, and those that only a
 * receiver does. Until then all connections of a stack share one set of each, in which nothing is in flight and
 * nothing can be read; a connection that has only been opened is less than half as large for it.
 *
 * What is shared is only read. Every part changes after text (or a FIN) was queued or has come, and by then
 * `beginSending` or `beginReceiving` has given the connection its own; a test compares the shared ones with new ones.
 */
import type { Env } from '../base/env.ts';
import { RowTable } from '../base/row-table.ts';
import { type Seq, seqOf } from '../wire/seq.ts';
import { Chrono } from './chrono.ts';
import { CompressedAck } from './compressed-ack.ts';
import { Pacer } from './pacer.ts';
import { Probing } from './probing.ts';
import { Rack } from './rack.ts';
import { RateSampler } from './rate-sampler.ts';
import { ReceiveBuffer } from './receive-buffer.ts';
import { ReceiverRtt } from './receiver-rtt.ts';
import { RtxQueue } from './rtx-queue.ts';
import { SackBlocks } from './sack-blocks.ts';
import { SendQueue } from './send-queue.ts';
import { TailLossProbe } from './tail-loss-probe.ts';
import type { TcpMemory } from './tcp-memory.ts';
import { TOTALS_WIDTH, Totals } from './totals.ts';
import type { TxRecords } from './tx-records.ts';
import { Undo } from './undo.ts';
import { WindowUse } from './window-use.ts';
import { LastBuffer } from './write-room.ts';

export class SendingParts {
  readonly queue: SendQueue;
  readonly lastBuffer: LastBuffer;
  readonly rtx: RtxQueue;
  readonly rate = new RateSampler();
  readonly rack = new Rack();
  readonly undo: Undo;
  readonly probe: TailLossProbe;
  readonly use: WindowUse;
  readonly pacer = new Pacer();
  readonly probing = new Probing();
  readonly chrono: Chrono;

  /** @param sinceNs when the connection began: its window was whole then. */
  constructor(memory: TcpMemory, records: TxRecords, totals: Totals, una: Seq, sinceNs: number) {
    this.queue = new SendQueue(memory);
    this.lastBuffer = new LastBuffer(una);
    this.rtx = new RtxQueue(records, memory.arrays);
    this.undo = new Undo(una);
    this.probe = new TailLossProbe(una);
    this.use = new WindowUse(una, sinceNs);
    this.chrono = new Chrono(totals);
  }
}

export class ReceivingParts {
  readonly buffer: ReceiveBuffer;
  readonly sacks = new SackBlocks();
  readonly compressed: CompressedAck;
  readonly rtt: ReceiverRtt;

  constructor(memory: TcpMemory, rcvNxt: Seq) {
    this.buffer = new ReceiveBuffer(memory);
    this.compressed = new CompressedAck(rcvNxt);
    this.rtt = new ReceiverRtt(rcvNxt);
  }
}

/** What the connections of a stack share. */
export class IdleParts {
  readonly sending: SendingParts;
  readonly receiving: ReceivingParts;

  constructor(env: Env, memory: TcpMemory, records: TxRecords) {
    const totals = new Totals(new RowTable(TOTALS_WIDTH), env); // nobody's
    this.sending = new SendingParts(memory, records, totals, seqOf(0), 0);
    this.receiving = new ReceivingParts(memory, seqOf(0));
  }
}
