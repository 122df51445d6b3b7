/** The memory that this process may take. */
import { totalmem } from "node:os";

/**
 * Bytes that there are for this process: those of the machine, or fewer where a container (a control group of Linux) has a
 * limit.
 *
 * @param limit as Node.js reads it of control groups of either version: 0 where that is unknown, a number beyond every
 * machine where nothing is limited.
 */
export const memoryBytes = (
  total: number = totalmem(),
  limit: number = process.constrainedMemory(),
): number => (limit > 0 ? Math.min(total, limit) : total);
