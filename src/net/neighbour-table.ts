/** Placeholder until the neighbour table lands in the next commit. */
export class NeighbourTable {}
