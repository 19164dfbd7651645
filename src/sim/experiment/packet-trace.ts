/**
 * The packets of an experiment as a pcapng file: an interface for each end of each link, named `left1:left` where left1
 * is the node and left is at the other end.
 *
 *     left1:left                                        left:left1
 *       out ───► link left1>left: queue, medium … ────────► in
 *                └─► dropped: at left1:left, with the reason
 *
 * A packet has the same id wherever it is seen. What a link's end sees goes straight into the file: nothing of it changes the run.
 */
import { CapturePoint } from '../../link/capture.ts';
import { type ByteSink, CaptureWriter } from '../../link/capture-writer.ts';
import type { FramePort, FrameSink } from '../../link/frame-sink.ts';
import type { FrameStore } from '../../link/frame-store.ts';
import type { LinkSpec } from '../../path/link-spec.ts';
import type { MacAddress } from '../../wire/mac.ts';
import { DIRECTION } from '../../wire/pcapng.ts';
import type { Simulator } from '../simulator.ts';

export interface PacketTraceOptions {
  readonly sink: ByteSink;
  /** At whose ends of links; null for everybody's. */
  readonly nodes: readonly string[] | null;
  /** Bytes kept of each packet. */
  readonly snaplen: number;
  /** Of the whole file. */
  readonly comment: string;
}

/** One end of a link, and what that says of the direction that begins there. */
export interface LinkEnd {
  readonly port: FramePort;
  readonly spec: Pick<LinkSpec, 'drops'>;
}

export const unseen = (port: FramePort): LinkEnd => ({ port, spec: {} });

export class PacketTrace {
  private readonly frames: FrameStore;
  private readonly writer: CaptureWriter;
  private readonly nodes: ReadonlySet<string> | null;
  private readonly points: CapturePoint[] = [];

  /** Takes one of the simulation's chunks until it is closed. */
  constructor(sim: Simulator, options: PacketTraceOptions) {
    const { sink, nodes, snaplen, comment } = options;
    this.frames = sim.frames;
    this.frames.identify();
    this.writer = new CaptureWriter(sim.memory, sim.clock, sink, { snaplen, comment });
    this.nodes = nodes === null ? null : new Set(nodes);
  }

  /** The end at `node` of its link to `peer`, seen if it is to be. @param mac null: it has none. */
  see(node: string, peer: string, mac: MacAddress | null, port: FramePort): LinkEnd {
    if (this.nodes !== null && !this.nodes.has(node)) return unseen(port);
    const point = new CapturePoint(this.writer, `${node}:${peer}`, mac);
    this.points.push(point);
    return { port: new SeenPort(this.frames, point, port), spec: { drops: point } };
  }

  /** Gives the chunk back. The sink stays the caller's. */
  close(): void {
    for (const point of this.points) point.end();
    this.writer.close();
  }
}

class SeenPort implements FramePort {
  private readonly frames: FrameStore;
  private readonly point: CapturePoint;
  private readonly port: FramePort;

  constructor(frames: FrameStore, point: CapturePoint, port: FramePort) {
    this.frames = frames;
    this.point = point;
    this.port = port;
  }

  connect(outlet: FrameSink): void {
    this.port.connect(new SeenOutlet(this.frames, this.point, outlet));
  }

  room(): number {
    return this.port.room();
  }

  take(frame: number): void {
    this.point.passed(this.frames, frame, DIRECTION.IN);
    this.port.take(frame);
  }
}

class SeenOutlet implements FrameSink {
  private readonly frames: FrameStore;
  private readonly point: CapturePoint;
  private readonly outlet: FrameSink;

  constructor(frames: FrameStore, point: CapturePoint, outlet: FrameSink) {
    this.frames = frames;
    this.point = point;
    this.outlet = outlet;
  }

  room(): number {
    return this.outlet.room();
  }

  take(frame: number): void {
    this.point.passed(this.frames, frame, DIRECTION.OUT);
    this.outlet.take(frame);
  }
}
