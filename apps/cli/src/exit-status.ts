/**
 * How the command ends. Wrong usage is what the command line shows alone: an unknown option, a value out of its range,
 * options that contradict each other. What files, the machine or the data are the reason of has failed.
 */
export const exitStatus = { done: 0, failed: 1, wrongUsage: 2, interrupted: 130 } as const;
