/**
 * Proportional rate reduction (RFC 9937) in the two examples of RFC 6937 §3.1: 20 segments are outstanding, Reno's ssthresh is 10.
 * What each ACK lets go is a letter: N new text, R what was lost, - nothing.
 */
import type { Test } from 'tap';
import { dialogue, type TcpHarness } from './tcp-harness.ts';

const MSS = 1000;
const SENT = 20;

function outstanding(h: TcpHarness): string[] {
  h.tcp.ccModules.setDefault('reno');
  h.passive({ rtt: 0.1 });
  h.flow.congestion.view.setCwnd(SENT);
  const trace: string[] = [];
  h.trace = trace;
  h.run('0.2 write 32000');
  return trace;
}

/** Which segment it is, of a line of the trace: `". 1001:2001(1000) ack 1 …`. */
const segmentOf = (line: string): number => (Number(/(\d+):/.exec(line)![1]) - 1) / MSS;

/** Segments `first` and those behind it arrive, one ACK each. */
function arrive(
  t: Test,
  h: TcpHarness,
  first: number,
  sent: string,
  pipes: readonly number[],
): void {
  const trace = outstanding(h);
  t.equal(trace.length, SENT);
  let fresh = SENT;
  let lost = 0;
  const seen: string[] = [];
  const pipe: number[] = [];
  for (let i = 0; i < sent.length; i++) {
    trace.length = 0;
    const sacked = `${first * MSS + 1}:${(first + i + 1) * MSS + 1}`;
    h.run(`${(0.3 + i / 1000).toFixed(3)} < . 1:1(0) ack 1 <sack ${sacked}>`);
    const segments = trace.map(segmentOf);
    const letters = segments.map((s) => (s === fresh ? 'N' : s === lost ? 'R' : '?')).join('');
    if (letters === 'N') fresh++;
    if (letters === 'R') lost++;
    seen.push(letters || '-');
    pipe.push(h.flow.rtx.inFlight() - segments.length);
  }
  h.trace = null;
  t.equal(seen.join(''), sent);
  t.strictSame(pipe, pipes, 'what was in flight when each ACK had been counted');
  t.equal(h.flow.congestion.view.ssthresh, 10);
}

dialogue('RFC 6937 §3.1, one loss: a segment for every other ACK, down to ssthresh', (t, h) => {
  // Sixteen columns are the RFC's. The last three are what its algorithm gives: CEIL(prr_delivered / 2) - prr_out while
  // more than ssthresh is in flight, then nothing until less is; its table has -NN.
  const pipes = [19, 19, 18, 18, 17, 17, 16, 16, 15, 15, 14, 14, 13, 13, 12, 12, 11, 11, 10];
  arrive(t, h, 1, 'NNR-N-N-N-N-N-N-N--', pipes);
});

dialogue('RFC 6937 §3.1, fifteen losses: a segment for each that arrived, and no more', (t, h) => {
  arrive(t, h, 15, 'NNRRR', [19, 19, 4, 4, 4]); // its column PRR-CRB
});
