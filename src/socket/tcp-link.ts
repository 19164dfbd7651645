/** What `connect` goes by: Linux's SS_UNCONNECTED, SS_CONNECTING, SS_CONNECTED. */
export const LINK = { NONE: 0, PENDING: 1, JOINED: 2 } as const;
