/**
 * Rung by whoever joins one of the lists that a turn goes through. Nearly always nobody is on any of them, and one
 * look here is all that a turn needs to know it.
 */
export class Bell {
  /** Somebody may be on a list. False: nobody is. */
  isRung = false;

  ring(): void {
    this.isRung = true;
  }

  /** Precondition: all lists are empty. */
  still(): void {
    this.isRung = false;
  }
}
