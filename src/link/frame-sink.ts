import type { FrameStore } from './frame-store.ts';

/**
 * Whatever takes frames that exist in memory: a device's receive queue, a link model, a switch port.
 * A frame travels as the number a FrameStore gave it; who holds the number owns the frame, and the
 * bytes are never copied on the way. Bytes of a frame in flight are read-only: a duplicate or a
 * flooded copy may share them.
 */
export interface FrameSink {
  /** How many frames it can take now; GONE when it will never take one again. */
  room(): number;
  /** Takes the frame over. Precondition: room() > 0. */
  take(frame: number): void;
}

/** `room()` of a sink that is closed. */
export const GONE = -1;

/** A sink that also sends: two ports connected to each other, or to the two ends of a link. */
export interface FramePort extends FrameSink {
  /** From now on it sends to `outlet`. */
  connect(outlet: FrameSink): void;
}

/** Told when a queue that was asked about receives a frame. */
export interface FrameListener {
  frameArrived(): void;
}

/** Told about each frame lost on purpose, before its bytes go: a capture writes it down with the reason. */
export interface DropListener {
  /** `reason` is a constant string. Borrowed: the frame is released after the call. */
  frameDropped(frames: FrameStore, frame: number, reason: string): void;
}

/** The time, as whoever turns the crank wrote it last (Env, or a simulator's clock). */
export interface Clock {
  readonly nowNs: number;
}
