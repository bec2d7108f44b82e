/**
 * Divides sequences into groups of at most `capacity` tokens, few of them: the longest first, each to the group that it fills
 * best (best-fit decreasing, Johnson 1974; at most 22% more groups than there need be). A pure function of the lengths. Gives
 * the indices of each group; a sequence beyond the capacity has one of its own.
 */
export function pack(lengths: readonly number[], capacity: number): number[][] {
  const groups: number[][] = [];
  /** The groups by how many tokens they have room for. */
  const withRoom: number[][][] = Array.from({ length: capacity + 1 }, () => []);
  const order = Array.from(lengths.keys()).sort((a, b) => lengths[b] - lengths[a] || a - b);
  for (const index of order) {
    const length = lengths[index];
    let room = length;
    while (room <= capacity && withRoom[room].length === 0) room++;
    const group = room <= capacity ? withRoom[room].pop() as number[] : [];
    if (group.length === 0) {
      groups.push(group);
      room = capacity;
    }
    group.push(index);
    if (length <= capacity) withRoom[room - length].push(group);
  }
  return groups;
}
