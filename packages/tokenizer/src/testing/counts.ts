/** How much a test does: the full count where GPT_VERIFY is set, else one that is quick. */
export function testCount(full: number, quick: number): number {
  return process.env.GPT_VERIFY ? full : quick;
}
