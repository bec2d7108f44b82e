import type { Backend } from "@gpt/tensor";

/** The most gigabytes that every browser which tells of its machine's memory tells of: there may be more. */
const mostTold = 8;

/**
 * Bytes that a model can have at most on a backend in this tab, as far as anything tells: what the backend can hold beside what it holds already, and what
 * the machine has (`navigator.deviceMemory`, in Chromium). `Infinity` where nothing does.
 */
export function roomIn({ memory: { maxBytes = Infinity, liveBytes } }: Backend): number {
  const { deviceMemory = Infinity } = navigator as { readonly deviceMemory?: number };
  const machine = deviceMemory < mostTold ? deviceMemory * 2 ** 30 : Infinity;
  return Math.max(0, Math.min(maxBytes, machine) - liveBytes);
}
