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
import { DIRECTION, type Direction } from '../../wire/pcapng.ts';
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

/** What goes into it is written down. */
class SeenSink implements FrameSink {
  protected readonly frames: FrameStore;
  protected readonly point: CapturePoint;
  private readonly direction: Direction;
  private readonly sink: FrameSink;

  constructor(frames: FrameStore, point: CapturePoint, direction: Direction, sink: FrameSink) {
    this.frames = frames;
    this.point = point;
    this.direction = direction;
    this.sink = sink;
  }

  room(): number {
    return this.sink.room();
  }

  take(frame: number): void {
    this.point.passed(this.frames, frame, this.direction);
    this.sink.take(frame);
  }
}

/** What comes in by it, and what goes out. */
class SeenPort extends SeenSink implements FramePort {
  private readonly port: FramePort;

  constructor(frames: FrameStore, point: CapturePoint, port: FramePort) {
    super(frames, point, DIRECTION.IN, port);
    this.port = port;
  }

  connect(outlet: FrameSink): void {
    this.port.connect(new SeenSink(this.frames, this.point, DIRECTION.OUT, outlet));
  }
}
