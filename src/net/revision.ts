/** How often something was changed that decisions are kept about: those of an older count are made anew. */
export class Revision {
  count = 0;

  changed(): void {
    this.count++;
  }
}
