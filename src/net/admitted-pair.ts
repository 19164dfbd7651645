import type { Address } from '../wire/address.ts';
import type { Revision } from './revision.ts';

/**
 * From whom, and to which address of ours, the last packet of a family was that an interface let in: packets in a row
 * have both in common, and what was decided of one holds for the next while our addresses and settings are the same.
 * The words stand here themselves, where two addresses would be two more cache lines for each packet.
 */
export class AdmittedPair {
  private readonly revision: Revision;
  /** The revision of which it holds; -1: there was none. */
  private at = -1;
  private source3 = 0;
  private destination3 = 0;
  private source0 = 0;
  private source1 = 0;
  private source2 = 0;
  private destination0 = 0;
  private destination1 = 0;
  private destination2 = 0;

  constructor(revision: Revision) {
    this.revision = revision;
  }

  /** Of addresses that are known to be IPv4's, by their last words. */
  has4(source: number, destination: number): boolean {
    const isSame = this.source3 === source && this.destination3 === destination;
    return isSame && this.at === this.revision.count;
  }

  has6(source: Address, destination: Address): boolean {
    return (
      this.has4(source.w3, destination.w3) &&
      this.source0 === source.w0 &&
      this.source1 === source.w1 &&
      this.source2 === source.w2 &&
      this.destination0 === destination.w0 &&
      this.destination1 === destination.w1 &&
      this.destination2 === destination.w2
    );
  }

  note(source: Address, destination: Address): void {
    this.source0 = source.w0;
    this.source1 = source.w1;
    this.source2 = source.w2;
    this.source3 = source.w3;
    this.destination0 = destination.w0;
    this.destination1 = destination.w1;
    this.destination2 = destination.w2;
    this.destination3 = destination.w3;
    this.at = this.revision.count;
  }
}
